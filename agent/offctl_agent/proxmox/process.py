"""One process of the host, held by its directory in /proc, so that no other can take its number."""

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import re

from offctl import errors

MAX_READ = 16 * 1024 * 1024

_NSPID = re.compile(rb"^NSpid:\s+([0-9\s]+)$", re.MULTILINE)


class Process:
    """Reads what /proc says of one process; each read raises AdminError when it has ended."""

    def __init__(self, number: int, descriptor: int) -> None:
        self.number = number
        self._directory = descriptor

    def read(self, name: str) -> bytes:
        """A file of its /proc directory, whole or not at all. Raises AdminError."""
        try:
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(name, flags, dir_fd=self._directory)
            with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123
                content = _whole(file.fileno())
        except OSError as error:
            cause = f"cannot read {name} of process {self.number}: {error.strerror}"
            raise errors.AdminError(cause) from error
        if len(content) > MAX_READ:
            cause = f"cannot read {name} of process {self.number}: more than {MAX_READ} bytes"
            raise errors.AdminError(cause)
        return content

    def is_init(self) -> bool:
        """Whether it is number 1 of a process namespace right below the host's."""
        match = _NSPID.search(self.read("status"))
        numbers = match[1].split() if match else []
        # A container inside a container has one more.
        return len(numbers) == 2 and numbers[1] == b"1"

    def idmap(self) -> tuple[str, ...]:
        """Its id-map as lxc.idmap values; nothing for ids that are the host's own."""
        lines: list[str] = []
        for kind, name in (("u", "uid_map"), ("g", "gid_map")):
            rows = [row.split() for row in self.read(name).decode("ascii", "replace").splitlines()]
            if rows != [["0", "0", "4294967295"]]:
                lines += [" ".join((kind, *row)) for row in rows]
        return tuple(lines)


@contextlib.contextmanager
def opened(root: Path, number: int) -> Iterator[Process]:
    """Hold a process. Raises AdminError when there is none of that number."""
    try:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        descriptor = os.open(root / "proc" / str(number), flags)
    except OSError as error:
        cause = f"cannot look at process {number}: {error.strerror}"
        raise errors.AdminError(cause) from error
    try:
        yield Process(number, descriptor)
    finally:
        os.close(descriptor)


def _whole(descriptor: int) -> bytes:
    parts, left = [], MAX_READ + 1
    while left > 0 and (part := os.read(descriptor, min(left, 1 << 16))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
