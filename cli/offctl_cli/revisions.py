"""What a word on the command line stands for: a release, a site on disk, or one in git's memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from offctl import errors
from offctl.desired.model import DesiredState
from offctl.trust.release import SignedRelease
from offctl_cli import git, reverting, signedfile, signing
from offctl_cli.site import finding, load
from offctl_cli.site.compiler import Compiled

NEWEST = "published"


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
    if word == NEWEST or (word.isdecimal() and not path.exists()):
        serial = 0 if word == NEWEST else int(word)
        name = f"release {serial}" if serial else "the published release"
        return Revision(name, reverting.states(release(serial)), {})
    if path.is_dir() or path.suffix == ".toml":
        return _compiled(word, load.compile_site(path))
    if path.exists():
        content = signedfile.read(path)
        return Revision(word, reverting.states(signing.read(content).release), {})
    with git.site_at(word, site) as place:
        entry = place / site.name if site.suffix == ".toml" else place
        # Those places are gone in a moment: the revision is where they are written.
        return _compiled(word, load.compile_site(entry), place)


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
