"""The two directories between courier and agent, and the doorbell beside them.

Inbox: one slot each for a release, a timestamp and new trust roots, written by the courier, so it
can never grow. The agent takes its content as hostile: regular files only, no links followed,
sizes capped.
Outbox: the newest reports, numbered, written and pruned by the agent, and one slot for what was
observed last; the courier only reads.
This module carries bytes; it does not know what they mean.
"""

from collections.abc import Iterator
import contextlib
from datetime import UTC, datetime
import os
from pathlib import Path
import re
import socket

from offctl import errors, files
from offctl.observation import MAX_OBSERVATION

MAX_DROP = 8 * 1024 * 1024
MAX_TIMESTAMP = 16 * 1024
MAX_NOTE = 16 * 1024
MAX_REPORT = 1024 * 1024
KEPT_REPORTS = 64
KEPT_SPARE = 4

_REPORT = re.compile(r"([0-9]{1,15})\.json")


class Inbox:
    """What the courier brought, as bytes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._release = directory / "release.json"
        self._timestamp = directory / "timestamp.json"
        self._trust = directory / "trust.json"
        self._courier = directory / "courier.json"

    def put_release(self, content: bytes) -> None:
        """Replace the slot (courier). Raises AdminError, for example when the disk is full."""
        files.write(self._release, content)

    def put_timestamp(self, content: bytes) -> None:
        files.write(self._timestamp, content)

    def put_trust(self, content: bytes) -> None:
        """Successors of the trust root, as a chain; see offctl.trust.rotation."""
        files.write(self._trust, content)

    def put_note(self, content: bytes) -> None:
        """The courier's own word about the network, for `offctl-agent status`; never believed."""
        files.write(self._courier, content)

    def release(self) -> bytes | None:
        """The newest drop (agent); raises AdminError for anything but a bounded regular file."""
        return files.read(self._release, limit=MAX_DROP)

    def timestamp(self) -> bytes | None:
        return files.read(self._timestamp, limit=MAX_TIMESTAMP)

    def timestamp_came(self) -> datetime | None:
        """When the courier brought the timestamp, by the clock of this host; None when unknown."""
        try:
            return datetime.fromtimestamp(self._timestamp.lstat().st_mtime, UTC)
        except (OSError, ValueError, OverflowError):
            return None

    def trust(self) -> bytes | None:
        return files.read(self._trust, limit=MAX_DROP)

    def note(self) -> bytes | None:
        return files.read(self._courier, limit=MAX_NOTE)


class Outbox:
    """Reports that wait for the courier; at most KEPT_REPORTS, the oldest give way.

    `spare` is a directory on another disk: a full one must not keep back the report that says so.
    """

    def __init__(self, directory: Path, spare: Path | None = None) -> None:
        self.directory = directory
        self._spare = spare
        self._observation = directory / "observation"

    def put(self, number: int, content: bytes) -> None:
        """Add report `number` (agent) and drop what is too old. Raises AdminError."""
        try:
            _put(self.directory, number, content, kept=KEPT_REPORTS)
        except errors.AdminError:
            if self._spare is None:
                raise
            _put(self._spare, number, content, kept=KEPT_SPARE)
        else:
            for _, path in _reports(self._spare) if self._spare else ():
                files.remove(path)

    def after(self, number: int) -> Iterator[tuple[int, bytes]]:
        """Reports newer than `number`, oldest first (courier)."""
        for found, path in self._paths():
            if found > number:
                content = files.read(path, limit=MAX_REPORT)
                if content is not None:
                    yield found, content

    def put_observation(self, content: bytes) -> None:
        """Replace what was observed, if it differs (agent). Raises AdminError."""
        if self.observation() != content:
            files.write(self._observation, content)

    def observation(self) -> bytes | None:
        """What the agent observed last (courier); None when there is none to be read."""
        try:
            return files.read(self._observation, limit=MAX_OBSERVATION)
        except errors.AdminError:
            return None

    def newest(self) -> int:
        """The highest number there is; 0 when there is none."""
        return max((number for number, _ in self._paths()), default=0)

    def _paths(self) -> list[tuple[int, Path]]:
        spare = _reports(self._spare) if self._spare and self._spare.is_dir() else []
        return sorted((*_reports(self.directory), *spare))


def _put(directory: Path, number: int, content: bytes, *, kept: int) -> None:
    files.write(directory / f"{number}.json", content)
    for old, path in _reports(directory):
        if old <= number - kept:
            files.remove(path)


def _reports(directory: Path) -> list[tuple[int, Path]]:
    try:
        return [
            (int(match[1]), path)
            for path in directory.iterdir()
            if (match := _REPORT.fullmatch(path.name))
        ]
    except OSError as error:
        raise errors.AdminError(f"cannot read {directory}: {error.strerror}") from error


class Doorbell:
    """A local datagram socket that wakes whoever listens; what arrives is never looked at."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            path.unlink(missing_ok=True)
            # The mode before the name: a chmod of the name could be led astray by whoever may
            # write to the directory (unix(7): the inode takes the descriptor's mode, less umask).
            os.fchmod(self._socket.fileno(), 0o660)
            before = os.umask(0o007)
            try:
                with _short(path) as address:
                    self._socket.bind(address)
            finally:
                os.umask(before)
        except OSError as error:
            self._socket.close()
            raise errors.AdminError(f"cannot listen at {path}: {error.strerror}") from error

    def fileno(self) -> int:
        """For select and asyncio."""
        return self._socket.fileno()

    def clear(self) -> None:
        """Forget all rings so far."""
        try:
            while True:
                self._socket.recv(16)
        except BlockingIOError:
            return

    def close(self) -> None:
        self._socket.close()
        self._path.unlink(missing_ok=True)


def ring(path: Path) -> None:
    """Wake the listener at `path`; nobody there, or a full queue, is fine: both poll as well."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as bell:
        try:
            with _short(path) as address:
                bell.sendto(b"!", address)
        except OSError:
            return


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """An address for `path` however long it is: unix(7) has room for 107 bytes only."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def agent_bell(runtime: Path) -> Path:
    """Where the courier rings for the agent."""
    return runtime / "agent.bell"


def courier_bell(runtime: Path) -> Path:
    """Where the agent rings for the courier."""
    return runtime / "courier.bell"
