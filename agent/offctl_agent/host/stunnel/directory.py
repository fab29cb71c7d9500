"""The host directory with the files of one instance, which its container sees read-only.

Only root of the host can write here: nothing a container controls is ever written below.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
import os
from pathlib import Path
import stat

from offctl import errors, files
from offctl_agent.host.stunnel.configuration import Rendering

KEYS = "psk"
TRIAL = "trial"
# Which revoked keys have had their connections cut; nothing secret.
CUT = "cut"
MAX_FILE = 1024 * 1024
# Key files are for root of the container and for the group that stunnel changes to.
SECRET_MODE = 0o640
OPEN_MODE = 0o644
DIRECTORY_MODE = 0o755

Owner = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Flaw:
    """A file that is not as it should be: by name, never by content.

    `content`: what stunnel would read is another thing, not only who may read it.
    """

    name: str
    complaint: str
    content: bool

    @property
    def text(self) -> str:
        return f"{self.name} {self.complaint}"


@dataclass(frozen=True, slots=True)
class Directory:
    """The files of one instance below `path`; every method raises AdminError."""

    path: Path

    @property
    def exists(self) -> bool:
        return self.path.is_dir() and not self.path.is_symlink()

    def make(self) -> None:
        """Make it and what is above it; only traversable for others where keys are."""
        for directory in (self.path, self.path / KEYS):
            files.make_directory(directory, mode=DIRECTORY_MODE)
            if directory.is_symlink() or not directory.is_dir():
                raise errors.AdminError(f"cannot use {directory}: it is not a directory")

    def read(self, name: str) -> bytes | None:
        return files.read(self.path / name, limit=MAX_FILE)

    def names(self) -> tuple[str, ...]:
        """Every file there, below the directory; a trial's too."""
        return tuple(sorted(self._names("")))

    def flaws(self, wanted: Rendering, owner: Owner) -> tuple[Flaw, ...]:
        """What is not as it should be."""
        found = []
        for name, content in sorted(wanted.files.items()):
            there = self.read(name)
            if there is None:
                found.append(Flaw(name, "is missing", content=True))
            elif there != content:
                found.append(Flaw(name, "has another content", content=True))
            elif complaint := self._access(name, owner):
                found.append(Flaw(name, complaint, content=False))
        return tuple(found)

    def leftovers(self, wanted: Rendering) -> tuple[str, ...]:
        """Files of ours that nothing needs any more: old keys above all."""
        return tuple(name for name in self.names() if name not in (*wanted.files, CUT))

    def cut(self) -> frozenset[str]:
        """The revoked keys whose connections have been cut, as `Wanted.cuts` names them."""
        return frozenset((self.read(CUT) or b"").decode("ascii", "replace").splitlines())

    def keep_cut(self, cuts: Iterable[str]) -> None:
        content = "".join(f"{cut}\n" for cut in sorted(cuts)).encode()
        if content != (self.read(CUT) or b""):
            files.write(self.path / CUT, content)

    def write(self, wanted: Rendering, owner: Owner) -> None:
        """Every file, each whole; the one that names the others last: then all changes at once."""
        self.make()
        for name in sorted(wanted.files, key=lambda n: (n == wanted.main, n)):
            self._write(name, wanted.files[name], owner)

    def write_main(self, name: str, content: bytes, owner: Owner) -> None:
        """The configuration alone: back to what it was."""
        self._write(name, content, owner)

    def prune(self, wanted: Rendering) -> None:
        """Remove what nothing needs any more, once it is not in force either."""
        for name in self.leftovers(wanted):
            files.remove(self.path / name)

    def clear(self) -> None:
        """Remove every file, and what directories that leaves empty."""
        for name in self.names():
            files.remove(self.path / name)
        for directory in (self.path / KEYS, self.path):
            if directory.is_dir():
                directory.rmdir()

    def trial(self) -> "Directory":
        """Where a configuration lies that is only being tried."""
        return Directory(self.path / TRIAL)

    def _write(self, name: str, content: bytes, owner: Owner) -> None:
        if self.read(name) == content and not self._access(name, owner):
            return
        secret = name.startswith(f"{KEYS}/")
        mode = SECRET_MODE if secret else OPEN_MODE
        files.write(self.path / name, content, mode=mode, owner=owner)

    def _access(self, name: str, owner: Owner) -> str:
        """Why owner and mode are not right; empty when they are."""
        try:
            status = os.lstat(self.path / name)
        except OSError as error:
            raise errors.AdminError(f"cannot read {self.path / name}: {error.strerror}") from error
        mode = stat.S_IMODE(status.st_mode)
        right = SECRET_MODE if name.startswith(f"{KEYS}/") else OPEN_MODE
        if mode != right:
            return f"has mode {mode:04o}, not {right:04o}"
        if (status.st_uid, status.st_gid) != owner:
            return f"belongs to {status.st_uid}:{status.st_gid}, not {owner[0]}:{owner[1]}"
        return ""

    def _names(self, below: str) -> Iterator[str]:
        try:
            entries = sorted(os.scandir(self.path / below), key=lambda e: e.name)
        except FileNotFoundError:
            return
        except OSError as error:
            raise errors.AdminError(f"cannot read {self.path}: {error.strerror}") from error
        for entry in entries:
            name = f"{below}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from self._names(f"{name}/")
            else:
                yield name


def keys_of(directory: Directory) -> Mapping[str, bytes]:
    """The content of every key file that is there, by name."""
    found = {}
    for name in directory.names():
        if name.startswith(f"{KEYS}/") and (content := directory.read(name)) is not None:
            found[name] = content
    return found
