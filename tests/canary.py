"""No key of a tunnel is ever in what anything says: every key made in a test is looked for.

Knows each PreSharedKey this process has made, and those it finds where keys may be, in files below
a directory named `psk`. Looks for them in whatever it is shown, as they are, in capitals, and in
base64. Which key it saw is never told, only where.
"""

import base64
from collections.abc import Iterator
import errno
import os
from pathlib import Path
import re
import stat

from offctl.tunnelkeys import PreSharedKey

# Where a key may be; its files are named by whoever made them.
KEPT_IN = "psk"
# Keys that tests write themselves may be anything; one that says so little is found everywhere.
_LEAST = 16
_DIGITS = 64
_DERIVED = re.compile(rb"[0-9a-fA-F]{64,}")
_LINE = re.compile(rb"[^:\s]+:([!-~]{16,256})$", re.MULTILINE)
# Envelopes, bundles, certificates: what is inside is looked at too.
_BASE64 = re.compile(rb"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43,}={0,2}")
_NESTED = 3
_BLOCK = 16 * 1024**2
# Blocks of a large file overlap by more than a key is long.
_OVERLAP = 1024


class Canary:
    """What is known, how much was looked through, and where a key was seen."""

    def __init__(self) -> None:
        self.derived: set[bytes] = set()
        self.written: set[bytes] = set()
        self.looked = 0
        self.files = 0
        self.unread: list[str] = []
        self.seen: list[str] = []

    @property
    def keys(self) -> set[str]:
        return {key.decode("ascii") for key in self.derived | self.written}

    def know(self, key: bytes) -> None:
        if len(key) == _DIGITS and _DERIVED.fullmatch(key):
            if len(set(key)) > 4:
                self.derived.add(key.lower())
        elif len(set(key)) > 4 and len(key) >= _LEAST:
            self.written.add(key)

    def hear(self, content: bytes | str, where: str) -> bool:
        """Look through something that was said; whether a key is in it."""
        said = content if isinstance(content, bytes) else content.encode(errors="replace")
        self.looked += len(said)
        if not (self.derived or self.written) or not self._in(said, _NESTED):
            return False
        self.seen.append(where)
        return True

    def learn(self, directory: Path) -> None:
        """Know the keys that other processes have made, from where they may be."""
        for path in self._regular(directory):
            if KEPT_IN in path.parent.parts:
                for block in self._blocks(path):
                    self.learn_from(block)

    def learn_from(self, lines: bytes) -> None:
        """Know the keys in lines that stunnel reads."""
        for found in _LINE.finditer(lines):
            self.know(found[1])

    def look(self, directory: Path) -> None:
        """Look through every file below a directory that is not for keys, and its name."""
        for path in self._regular(directory):
            self.hear(os.fsencode(path.name), f"the name of a file in {path.parent}")
            if KEPT_IN in path.parent.parts:
                continue
            self.files += 1
            for block in self._blocks(path):
                if self.hear(block, str(path)):
                    break

    def _in(self, said: bytes, nested: int) -> bool:
        if any(self._is_derived(found[0].lower()) for found in _DERIVED.finditer(said)):
            return True
        if any(key in said for key in self.written):
            return True
        if not nested:
            return False
        for found in _BASE64.finditer(said):
            inside = _decoded(found[0].rstrip(b"="))
            if inside.hex().encode() in self.derived or self._in(inside, nested - 1):
                return True
        return False

    def _is_derived(self, digits: bytes) -> bool:
        if len(digits) > _BLOCK // 1024:
            return any(key in digits for key in self.derived)
        places = range(len(digits) - _DIGITS + 1)
        return any(digits[at : at + _DIGITS] in self.derived for at in places)

    def _regular(self, directory: Path) -> Iterator[Path]:
        def unread(error: OSError) -> None:
            # What a test's own programs remove while they end is no file that is left.
            if not isinstance(error, FileNotFoundError):
                self.unread.append(str(error.filename))

        for below, inner, names in os.walk(directory, onerror=unread):
            # What is mounted below is somebody else's.
            inner[:] = [name for name in inner if not os.path.ismount(Path(below, name))]
            for name in names:
                path = Path(below, name)
                try:
                    if stat.S_ISREG(path.lstat().st_mode):
                        yield path
                except OSError as error:
                    unread(error)

    def _blocks(self, path: Path) -> Iterator[bytes]:
        """What is in a file, without its holes."""
        try:
            with path.open("rb") as file:
                at, size = 0, os.fstat(file.fileno()).st_size
                while at < size:
                    at = os.lseek(file.fileno(), at, os.SEEK_DATA)
                    yield os.pread(file.fileno(), min(_BLOCK, size - at), at)
                    at += _BLOCK - _OVERLAP if at + _BLOCK < size else _BLOCK
        except FileNotFoundError:
            return
        except OSError as error:
            # Nothing but a hole is left.
            if error.errno != errno.ENXIO:
                self.unread.append(str(path))


def _decoded(run: bytes) -> bytes:
    """What base64 says, without its padding; a last digit that says nothing is left out."""
    whole = run[:-1] if len(run) % 4 == 1 else run
    return base64.b64decode(whole + b"=" * (-len(whole) % 4))


CANARY = Canary()


def watch() -> None:
    """From now on every key is known."""
    made = PreSharedKey.__init__

    def remember(self: PreSharedKey, text: str) -> None:
        made(self, text)
        CANARY.know(text.encode("ascii"))

    PreSharedKey.__init__ = remember  # type: ignore[method-assign]
