"""`JournalHandler` that writes what the journal would get to standard error, as JSON lines."""

import json
import logging
import sys


class JournalHandler(logging.Handler):
    def __init__(self, **fields: str) -> None:
        super().__init__()
        self._fields = fields

    def emit(self, record: logging.LogRecord) -> None:
        # As python3-systemd: every attribute is sent, and the journal takes capital names only.
        entry = {**self._fields, "MESSAGE": self.format(record)}
        entry |= {name: value for name, value in vars(record).items() if name.isupper()}
        sys.stderr.write(json.dumps(entry) + "\n")
