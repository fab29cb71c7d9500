"""The operator's one door to git: the files of a site as some revision has them.

Nothing is checked out and nothing in the repository changes.
"""

from collections.abc import Iterator
import contextlib
import io
from pathlib import Path, PurePosixPath
import posixpath
import subprocess
import tarfile
import tempfile

from offctl import errors, files
from offctl_cli.site.source import MAX_FILE, MAX_FILES, MAX_TOTAL

SECONDS = 60
MAX_ARCHIVE = 64 * 1024 * 1024


@contextlib.contextmanager
def site_at(revision: str, site: Path) -> Iterator[Path]:
    """The TOML files of directory `site` at a revision, in a directory that is gone afterwards.

    Raises AuthorError when there is no such revision, AdminError when git cannot be asked.
    """
    directory = site if site.is_dir() else site.parent
    asked = f"{revision}^{{commit}}"
    # A revision must not be taken for an option.
    found = _git(directory, "rev-parse", "--verify", "--quiet", "--end-of-options", asked)
    if found is None:
        raise errors.AuthorError(
            f"cannot find {revision[:80]!r}: no file, no serial and no revision of {directory}",
            hint="give a serial, a site, a release file, or what `git log` there knows",
        )
    archive = _git(directory, "archive", "--format=tar", found.decode().strip(), ".")
    if archive is None:
        raise errors.AuthorError(f"cannot read {directory} at {revision[:80]}: it is not in there")
    with tempfile.TemporaryDirectory(prefix="offctl-") as place:
        _unpack(archive, Path(place), revision[:80])
        yield Path(place)


def _git(directory: Path, *words: str) -> bytes | None:
    """What git says, or None when it refuses."""
    argv = ["git", "-C", str(directory), *words]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise errors.AdminError(
            f"cannot run git: {error}", hint="install git, or give a directory or a serial"
        ) from error
    if len(done.stdout) > MAX_ARCHIVE:
        raise errors.AdminError(f"cannot read {directory}: more than {MAX_ARCHIVE} bytes in git")
    return done.stdout if done.returncode == 0 else None


def _unpack(archive: bytes, place: Path, revision: str) -> None:
    """Only plain TOML files, and none outside."""
    count = total = 0
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = tar.getmembers()
        _refuse_links(members, revision)
        for member in members:
            name = PurePosixPath(member.name)
            if not member.isreg() or name.suffix != ".toml" or ".." in name.parts:
                continue
            count, total = count + 1, total + member.size
            if member.size > MAX_FILE or count > MAX_FILES or total > MAX_TOTAL:
                raise errors.AuthorError(f"cannot read {member.name}: too large, or too many files")
            content = tar.extractfile(member)
            assert content is not None
            target = place / name
            files.make_directory(target.parent, mode=files.PRIVATE | 0o100)
            files.write(target, content.read())


def _refuse_links(members: list[tarfile.TarInfo], revision: str) -> None:
    """On disk a site is read through links; what they would lead to here cannot be left out."""
    folders = {posixpath.normpath(member.name) for member in members if member.isdir()}
    for member in members:
        if not (member.issym() or member.islnk()):
            continue
        leads = posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.linkname))
        if member.name.endswith(".toml") or leads in folders:
            raise errors.AuthorError(
                f"cannot read {posixpath.normpath(member.name)} at {revision}: it is a link, and "
                "links of a revision are not followed",
                hint="`git worktree add DIRECTORY REVISION`, and compare with that directory",
            )
