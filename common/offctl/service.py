"""The door to the service manager: signs of life for it, secrets from it, log lines to its journal.

All through python3-systemd, where that is installed and systemd started this process. Anywhere else
lines go to standard error and nobody is told anything.
"""

from collections.abc import Mapping
import importlib
import logging
import math
import os
from pathlib import Path
import sys
import time
from types import ModuleType
from typing import Protocol, cast

# Of the time within which systemd wants a sign of life, the part after which it gets one.
SHARE = 1 / 3
MAX_LINE = 4096

# Everything that could end a line or steer a terminal, in Latin-1 and beyond it.
_CONTROLS = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code != 0x09
} | {code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0x202A, 0x202F))}


class Notify(Protocol):
    """What `systemd.daemon.notify` is."""

    def __call__(self, status: str) -> bool: ...


class Manager:
    """The service manager as a program sees it; every call is quick and none of them fails.

    `interval` is the longest time in seconds between two calls of `alive`; infinite without a
    watchdog.
    """

    def __init__(self, notify: Notify | None, interval: float = math.inf) -> None:
        self._notify = notify
        self.interval = interval

    def ready(self) -> None:
        """Started, or done with reloading."""
        self._tell("READY=1")

    def reloading(self) -> None:
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def alive(self) -> None:
        """To be called after real progress only, by whoever makes it."""
        self._tell("WATCHDOG=1")

    def status(self, text: str) -> None:
        """The line that `systemctl status` shows."""
        self._tell(f"STATUS={one_line(text)}")

    def _tell(self, state: str) -> None:
        if self._notify is not None:
            self._notify(state)


NOBODY = Manager(None)


def manager(environment: Mapping[str, str]) -> Manager:
    """Whoever started us, as `environment` has it; NOBODY when that was not systemd."""
    daemon = _imported("systemd.daemon") if environment.get("NOTIFY_SOCKET") else None
    if daemon is None:
        return NOBODY
    return Manager(cast("Notify", daemon.notify), _interval(environment))


def credential(path: Path, environment: Mapping[str, str]) -> Path:
    """Where to read the secret file `path`: the copy systemd made for us, when it made one.

    With `LoadCredential=NAME:PATH` a service without rights reads a file that only root can.
    """
    directory = environment.get("CREDENTIALS_DIRECTORY")
    copy = Path(directory, path.name) if directory else path
    return copy if copy.exists() else path


def runtime(environment: Mapping[str, str]) -> Path | None:
    """The directory that systemd made for us, with `RuntimeDirectory=`, for as long as we run."""
    directory = environment.get("RUNTIME_DIRECTORY")
    return Path(directory) if directory else None


def log(program: str, environment: Mapping[str, str], *, plain: bool = False) -> None:
    """Send this process's log to the journal, or to standard error when that is not the journal.

    In the journal every `extra` with a capital name is a field. `plain` leaves the level and the
    logger's name out of the line.
    """
    handler = _journal(program, environment) or logging.StreamHandler(sys.stderr)
    in_journal = not isinstance(handler, logging.StreamHandler)
    form = "%(message)s" if plain or in_journal else "%(levelname)s %(name)s: %(message)s"
    handler.setFormatter(OneLine(form))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class OneLine(logging.Formatter):
    """What others sent stays inside its line: control characters escaped, the end cut off."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return one_line(super().formatMessage(record))


def one_line(text: str) -> str:
    """`text` without line ends and control characters, at most MAX_LINE characters of it."""
    cut = text if len(text) <= MAX_LINE else f"{text[:MAX_LINE]} … ({len(text)} characters)"
    return cut.translate(_CONTROLS)


def _journal(program: str, environment: Mapping[str, str]) -> logging.Handler | None:
    if not _is_journal(environment.get("JOURNAL_STREAM", "")):
        return None
    journal = _imported("systemd.journal")
    if journal is None:
        return None
    return cast("logging.Handler", journal.JournalHandler(SYSLOG_IDENTIFIER=program))


def _is_journal(stream: str) -> bool:
    """Whether standard error is the stream that systemd made; see JOURNAL_STREAM, systemd.exec."""
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return stream == f"{found.st_dev}:{found.st_ino}"


def _interval(environment: Mapping[str, str]) -> float:
    """See WATCHDOG_USEC and WATCHDOG_PID, sd_watchdog_enabled(3)."""
    allowed = environment.get("WATCHDOG_USEC", "")
    meant = environment.get("WATCHDOG_PID") or str(os.getpid())
    if not allowed.isdecimal() or int(allowed) == 0 or meant != str(os.getpid()):
        return math.inf
    return int(allowed) / 1e6 * SHARE


def _imported(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
