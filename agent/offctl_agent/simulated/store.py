"""Where a simulated host keeps its files: every change is whole, durable and interruptible."""

from collections.abc import Callable, Iterator
import contextlib
import json
import os
from pathlib import Path

from offctl import errors, files

LIMIT = 16 * 1024 * 1024
LOCK = ".lock"

Step = Callable[[str], None]


def _uninterrupted(_: str) -> None:
    """The step of a host that nobody crashes."""


class Store:
    """Files below one directory.

    `step` is called with "before NAME" and "after NAME" around every durable change, so that a
    test can stop the world at each of them.
    """

    def __init__(self, root: Path, step: Step = _uninterrupted) -> None:
        self.root = root
        self._step = step

    def path(self, name: str) -> Path:
        """The file or directory called `name` relative to the host's directory."""
        return self.root / name

    def read(self, name: str) -> bytes | None:
        """The content, or None when there is no such file. Raises AdminError."""
        return files.read(self.path(name), limit=LIMIT)

    def write(self, name: str, content: bytes) -> None:
        """Replace a file in one step; its directory must exist. Raises AdminError."""
        with self._stepped(name):
            files.write(self.path(name), content)

    def remove(self, name: str) -> None:
        """Remove a file in one step; a missing one is fine. Raises AdminError."""
        with self._stepped(name):
            files.remove(self.path(name))

    def make_directory(self, name: str) -> None:
        """Make a directory and its parents. Raises AdminError."""
        if not self.path(name).is_dir():
            with self._stepped(name):
                files.make_directory(self.path(name))

    def remove_directory(self, name: str) -> None:
        """Remove an empty directory; anything else stays."""
        with self._stepped(name), contextlib.suppress(OSError):
            self.path(name).rmdir()

    def link(self, name: str, target: str) -> None:
        """Make a symbolic link unless it is there. Raises AdminError."""
        path = self.path(name)
        if not path.is_symlink():
            with self._stepped(name):
                os.symlink(target, path)

    def read_json(self, name: str) -> object:
        """The value in a JSON file; None when there is none. Raises MalformedError."""
        content = self.read(name)
        if content is None:
            return None
        try:
            value: object = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise errors.MalformedError(f"cannot read {self.path(name)}: {error}") from None
        return value

    def write_json(self, name: str, value: object) -> None:
        """Write a value as JSON that people can read. Raises AdminError."""
        self.write(name, json.dumps(value, indent=1, sort_keys=True).encode() + b"\n")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One command at a time, whoever runs it; the kernel frees a dead holder's lock."""
        with files.locked(self.path(LOCK), holder="another command", waiting=lambda: True):
            yield

    @contextlib.contextmanager
    def _stepped(self, name: str) -> Iterator[None]:
        self._step(f"before {name}")
        yield
        self._step(f"after {name}")
