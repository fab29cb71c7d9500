"""The kernel's mount table, and what a path really shows. Pure.

A later mount hides what was there, and everything mounted below it, without a word: "it is mounted"
says nothing about what anybody sees. Here a path is walked as the kernel walks it, by mount ids.
Symbolic links are not known here; whoever opens a path refuses them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
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

    def at(self, path: str) -> Mount | None:
        """The mount that an absolute path is in; None when nothing is mounted at / at all."""
        here = self._bottom()
        if here is None:
            return None
        here, inner = self._top(here, "/"), ""
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

    def numbered(self, number: int) -> Mount | None:
        """The mount with an id."""
        return next((m for m in self.mounts if m.id == number), None)

    def _bottom(self) -> Mount | None:
        """The mount whose parent is out of sight: the root of this namespace."""
        outer = {m.id for m in self.mounts if m.parent != m.id}
        return next((m for m in self.mounts if m.target == "/" and m.parent not in outer), None)

    def _top(self, here: Mount, path: str) -> Mount:
        """What is mounted on `path` of a mount, and on that again; else the mount itself."""
        seen = {here.id}
        while (above := self._on(here, path)) is not None and above.id not in seen:
            seen.add(above.id)
            here = above
        return here

    def _on(self, under: Mount, path: str) -> Mount | None:
        found = (m for m in reversed(self.mounts) if m.parent == under.id and m.target == path)
        return next((m for m in found if m.id != under.id), None)


def parse(content: bytes) -> MountTable:
    """Read /proc/PID/mountinfo whole. Raises MalformedError; a table is never empty."""
    mounts = tuple(_lines(content))
    if not mounts:
        raise errors.MalformedError("cannot read the mount table: it is empty")
    return MountTable(mounts)


def _lines(content: bytes) -> Iterator[Mount]:
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line:
            continue
        try:
            yield _mount(line)
        except (ValueError, IndexError):
            shown = line[:200].decode(errors="backslashreplace")
            raise errors.MalformedError(
                f"cannot read the mount table: line {number} is {shown!r}"
            ) from None


def _mount(line: bytes) -> Mount:
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
    plain = _ESCAPED.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), word)
    return plain.decode(errors="surrogateescape")
