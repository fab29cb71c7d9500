"""How far the reports are delivered, kept on disk: one number."""

import json
from pathlib import Path

from offctl import errors, files
from offctl.trust import document

_LIMIT = 256


class Delivered:
    """The number of the newest report that the coordinator has."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.number = _read(path)

    def advance(self, number: int) -> None:
        """Remember it durably; raises AdminError when that fails, and remembers it until a restart.

        A report that is sent again is harmless.
        """
        self.number = number
        files.write(self._path, json.dumps({"number": number}).encode())

    def follow(self, newest: int) -> None:
        """Start over when the outbox did: its numbers only fall when its state was wiped."""
        if newest < self.number:
            self.number = 0


def _read(path: Path) -> int:
    # Damaged is as good as absent: sending a report twice is harmless.
    try:
        content = files.read(path, limit=_LIMIT)
        if content is None:
            return 0
        return document.parse(content, what=str(path), limit=_LIMIT).integer("number")
    except (errors.MalformedError, errors.AdminError):
        return 0
