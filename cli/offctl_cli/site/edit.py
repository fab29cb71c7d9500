"""Editing the text of a site, as little as possible and never to another effect than was meant.

The new text is compiled beside the old one before it is written: when anything but the one value
differs, or the text takes another form than can be edited safely, nothing is written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
import re
import shutil
import tempfile

from offctl import errors, files
from offctl.desired.model import DesiredState
from offctl_cli.site import finding, key, load, model, source
from offctl_cli.site.compiler import Compiled

Meant = Callable[[DesiredState], DesiredState]

_OWN_LINE = re.compile(r"\s*(?:(?:until|reason)\s*=.*)?")


@dataclass(frozen=True, slots=True)
class Target:
    """A host or a container of the site: its name, the table it is written as, and in which file.

    `container` is 0 for a host.
    """

    name: str
    host: str
    container: int
    table: key.Path
    file: Path


def find(site: model.Site, name: str) -> Target:
    """The host or container called `name`, or the container of that id; raises AuthorError."""
    if name in site.hosts:
        return _target(site, name, name, 0, ("hosts", name))
    found = [
        _target(site, known, container.host or "", container.id, ("containers", known))
        for known, container in site.containers.items()
        if name in (known, str(container.id))
    ]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{each.name} on {each.host}" for each in found)
        raise errors.AuthorError(
            f"cannot tell which container {name} is meant: {listed}", hint="write its name"
        )
    raise errors.AuthorError(
        f"cannot find {name!r}: the site has no host and no container of that name",
        hint=f"hosts are: {', '.join(site.hosts)}",
    )


def _target(site: model.Site, name: str, host: str, number: int, path: key.Path) -> Target:
    written = site.origins.get(path, path)
    place = site.places.get(written)
    if place is None or not place.line:
        raise _by_hand(f"[{key.shown(path)}] has no header of its own", path)
    return Target(name, host, number, written, Path(place.file))


def with_table(text: str, header: key.Path, lines: list[str]) -> str:
    """`text` with the table `header` holding just `lines`, or without it when there are none."""
    kept = _without(text.splitlines(keepends=True), f"[{key.shown(header)}]")
    if not lines:
        return "".join(kept)
    end = "" if not kept or kept[-1].endswith("\n") else "\n"
    gap = "\n" if kept and kept[-1].strip() else ""
    return "".join([*kept, end, gap, f"[{key.shown(header)}]\n", *(f"{ln}\n" for ln in lines)])


def with_line(text: str, header: key.Path, word: str, line: str) -> str:
    """`text` with `line` as the first of table `header`, in place of a line that sets `word`."""
    lines = text.splitlines(keepends=True)
    wanted = f"[{key.shown(header)}]"
    starts = [n for n, each in enumerate(lines) if _header(each) == wanted]
    if len(starts) != 1:
        raise _by_hand(f"{wanted} is not written as a header", header)
    start = starts[0] + 1
    end = next((n for n in range(start, len(lines)) if lines[n].startswith("[")), len(lines))
    setting = re.compile(rf"{re.escape(word)}\s*=")
    inside = [each for each in lines[start:end] if not setting.match(each)]
    return "".join([*lines[:start], f"{line}\n", *inside, *lines[end:]])


def write(site: Path, target: Target, text: str, meant: Meant) -> None:
    """Write the new text of the target's file, if it means `meant` and nothing else.

    `meant` gives the target's host as it should come out. Raises AuthorError.
    """
    before = _clean(load.compile_site(site), site)
    with tempfile.TemporaryDirectory(prefix="offctl-") as directory:
        copy = _copied(site, Path(directory), target.file, text)
        after = load.compile_site(copy)
    errors_ = [each for each in after.findings if each.severity is finding.Severity.ERROR]
    if errors_:
        raise _by_hand(f"the new text would be wrong ({errors_[0].text})", target.table)
    expected = tuple(meant(s) if s.host == target.host else s for s in before.states)
    if after.states != expected:
        raise _by_hand("the new text would mean something else as well", target.table)
    mode = target.file.stat().st_mode & 0o777
    files.write(target.file.resolve(), text.encode(), mode=mode)


def _clean(compiled: Compiled, site: Path) -> Compiled:
    if compiled.has_errors:
        raise errors.AuthorError(
            f"cannot edit {site}: the site has errors", hint="`offctl check` shows them"
        )
    return compiled


def _copied(site: Path, directory: Path, changed: Path, text: str) -> Path:
    """The site's files in `directory`, one of them with another text."""
    read = load.read_site(site)
    entry = Path(read.whole.file)
    for name in {place.file for place in (*read.places.values(), read.whole)}:
        copy = directory / Path(name).relative_to(entry.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if Path(name) == changed:
            copy.write_text(text)
        else:
            shutil.copyfile(name, copy)
    return directory / entry.name if entry.name != source.ENTRY else directory


def _without(lines: list[str], header: str) -> list[str]:
    """The lines without the table `header` as `with_table` writes it: what else is there stays."""
    kept: list[str] = []
    inside = False
    for line in lines:
        if _header(line) == header:
            inside = True
            continue
        inside = inside and bool(_OWN_LINE.fullmatch(line.rstrip("\n")))
        if not inside:
            kept.append(line)
    while len(kept) < len(lines) and kept and not kept[-1].strip():
        kept.pop()
    return kept


def _header(line: str) -> str:
    match = re.fullmatch(r"\s*(\[[^\[\]]+\])\s*(?:#.*)?", line.rstrip("\n"))
    return match[1] if match else ""


def _by_hand(cause: str, path: key.Path) -> errors.AuthorError:
    return errors.AuthorError(
        f"cannot edit {key.shown(path)}: {cause}",
        hint="write it by hand; offctl-site(5) and docs/site.md say how",
    )
