"""The kernel's mount table, and what a path really shows. Pure.

A later mount hides what was there, and everything mounted below it, without a word: "it is mounted"
says nothing about what anybody sees. Here a path is walked as the kernel walks it, by mount ids.
Symbolic links are not known here; whoever opens a path refuses them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
import re

from offctl import errors

_FIELDS = 6  # before the optional ones
_ESCAPED = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line: `root` is the directory of the file system that is shown at `target`."""

    id: int
    parent: int
    device: tuple[int, int]
    root: str
    target: str
    options: tuple[str, ...]
    fstype: str
    source: str


@dataclass(frozen=True, slots=True)
class MountTable:
    """All mounts of one mount namespace, in the kernel's order."""

    mounts: tuple[Mount, ...]
    # What was mounted last on a path of each mount, by its number; nothing is on itself.
    _over: Mapping[tuple[int, str], Mount] = field(init=False, repr=False, compare=False)
    # The mount whose parent is out of sight: the root of this namespace.
    _bottom: Mount | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        over = {(m.parent, m.target): m for m in self.mounts if m.id != m.parent}
        outer = {m.id for m in self.mounts if m.parent != m.id}
        roots = (m for m in self.mounts if m.target == "/" and m.parent not in outer)
        object.__setattr__(self, "_over", over)
        object.__setattr__(self, "_bottom", next(roots, None))

    def at(self, path: str) -> Mount | None:
        """The mount that an absolute path is in; None when nothing is mounted at / at all."""
        if self._bottom is None:
            return None
        here, inner = self._top(self._bottom, "/"), ""
        for name in path.split("/"):
            if name:
                inner = f"{inner}/{name}"
                here = self._top(here, inner)
        return here

    def visible(self, mount: Mount) -> bool:
        """Whether a mount is what its target shows."""
        return self.at(mount.target) == mount

    def below(self, path: str) -> tuple[Mount, ...]:
        """The visible mounts on directories below a path."""
        start = path.rstrip("/") + "/"
        found = (m for m in self.mounts if m.target.startswith(start) and m.target != start)
        return tuple(m for m in found if self.visible(m))

    def _top(self, here: Mount, path: str) -> Mount:
        """What is mounted on `path` of a mount, and on that again; else the mount itself."""
        seen = {here.id}
        while (above := self._over.get((here.id, path))) is not None and above.id not in seen:
            seen.add(above.id)
            here = above
        return here


def parse(content: bytes) -> MountTable:
    """Read /proc/PID/mountinfo whole. Raises MalformedError; a table is never empty."""
    mounts = tuple(_lines(content))
    if not mounts:
        raise errors.MalformedError("cannot read the mount table: it is empty")
    return MountTable(mounts)


def numbered(content: bytes, number: int) -> Mount | None:
    """The mount with an id, of a table that need not be read whole. Raises MalformedError."""
    start = b"%d " % number
    lines = enumerate(content.split(b"\n"), 1)
    return next((_mount(line, place) for place, line in lines if line.startswith(start)), None)


def _lines(content: bytes) -> Iterator[Mount]:
    for place, line in enumerate(content.split(b"\n"), 1):
        if line:
            yield _mount(line, place)


def _mount(line: bytes, place: int) -> Mount:
    try:
        return _read(line)
    except (ValueError, IndexError):
        shown = line[:200].decode(errors="backslashreplace")
        raise errors.MalformedError(
            f"cannot read the mount table: line {place} is {shown!r}"
        ) from None


def _read(line: bytes) -> Mount:
    words = line.split(b" ")
    end = words.index(b"-", _FIELDS)
    major, _, minor = words[2].partition(b":")
    fstype, source = words[end + 1], words[end + 2]
    target = _text(words[4])
    if not target.startswith("/"):
        raise ValueError
    return Mount(
        id=int(words[0]),
        parent=int(words[1]),
        device=(int(major), int(minor)),
        root=_text(words[3]),
        target=target,
        options=tuple(_text(words[5]).split(",")),
        fstype=_text(fstype),
        source=_text(source),
    )


def _text(word: bytes) -> str:
    """The kernel writes space, tab, newline, backslash and # as octal numbers."""
    if b"\\" in word:
        word = _ESCAPED.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), word)
    return word.decode(errors="surrogateescape")
