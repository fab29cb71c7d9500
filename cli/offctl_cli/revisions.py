"""What a word on the command line stands for: a release, a site on disk, or one in git's memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
import errno
from pathlib import Path

from offctl import errors
from offctl.desired.model import DesiredState
from offctl.tables import MAX_INTEGER
from offctl.trust.release import SignedRelease
from offctl_cli import git, reverting, signedfile, signing
from offctl_cli.site import finding, load
from offctl_cli.site.compiler import Compiled

NEWEST = "published"
LONGEST = len(str(MAX_INTEGER))


@dataclass(frozen=True, slots=True)
class Revision:
    """One state of the whole site; `places` says where a site writes each resource."""

    name: str
    states: Mapping[str, DesiredState]
    places: Mapping[tuple[str, str, str], finding.Place]


def find(word: str, site: Path, release: Callable[[int], SignedRelease]) -> Revision:
    """A serial, `published`, a site directory, a release file, or a revision of git.

    `release` gets a release by its serial (0: the newest), judged already. Raises what it raises,
    and AuthorError for a site with errors.
    """
    path = Path(word)
    there = _exists(path)
    if word == NEWEST or (word.isdecimal() and not there):
        serial = 0 if word == NEWEST else _serial(word)
        name = f"release {serial}" if serial else "the published release"
        return Revision(name, reverting.states(release(serial)), {})
    if there and (path.is_dir() or path.suffix == ".toml"):
        return _compiled(word, load.compile_site(path))
    if there:
        content = signedfile.read(path)
        return Revision(word, reverting.states(signing.read(content).release), {})
    with git.site_at(word, site) as place:
        entry = place / site.name if site.suffix == ".toml" else place
        # Those places are gone in a moment: the revision is where they are written.
        return _compiled(word, load.compile_site(entry), place)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        # A word that can be no name of a file may yet be a revision; any other trouble is told.
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise errors.AdminError(f"cannot look at {str(path)[:80]}: {error.strerror}") from error


def _serial(word: str) -> int:
    serial = int(word) if len(word) <= LONGEST else 0
    if not 0 < serial <= MAX_INTEGER:
        raise errors.AuthorError(
            f"cannot find release {word[:80]}: serials go from 1 to {MAX_INTEGER}",
            hint=f"`{NEWEST}` is the newest release",
        )
    return serial


def _compiled(name: str, compiled: Compiled, place: Path | None = None) -> Revision:
    if compiled.has_errors:
        first = next(f for f in compiled.findings if f.severity is finding.Severity.ERROR)
        raise errors.AuthorError(
            f"cannot compare {name}: {_elsewhere(first.file, place, name)}:{first.line}: "
            f"{first.text}",
            hint="`offctl check` lists everything that is wrong",
        )
    places = {
        resource: replace(where, file=_elsewhere(where.file, place, name))
        for resource, where in compiled.origins.items()
    }
    return Revision(name, {state.host: state for state in compiled.states}, places)


def _elsewhere(file: str, place: Path | None, name: str) -> str:
    if place is None or not Path(file).is_relative_to(place):
        return file
    return f"{name}:{Path(file).relative_to(place)}"
