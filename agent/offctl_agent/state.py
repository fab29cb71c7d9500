"""The agent's own memory on disk: each file whole, checksummed, and worthless alone.

Everything here can be lost: the release comes again, the ledger fills again, and only care grows.
A damaged file is set aside under another name and reported, never half believed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
import hashlib
import json
import os
from pathlib import Path
import re
import secrets
from typing import Any, TypeVar

from offctl import errors, files
from offctl.report import Difference, Event
from offctl.trust.accept import Floor
from offctl_agent.debts import Debt
from offctl_agent.mailbox import MAX_DROP
from offctl_agent.planner.ledger import Entry, Ledger

MAX_STATE = 64 * 1024 * 1024
KEPT_EVENTS = 50

_Shape = TypeVar("_Shape")

_HEADER = re.compile(rb"offctl-state 1 ([0-9a-f]{64}) ([0-9]{1,9})\n")


@dataclass(frozen=True, slots=True)
class Stream:
    """Where this host's reports stand: a random name for this memory, and the last number."""

    name: str
    sequence: int


class State:
    """The files of one agent, below one directory that only root can read.

    With `read_only` nothing is written or set aside; what is damaged is only told of.
    """

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        self.directory = directory
        self.damaged: list[str] = []
        self._read_only = read_only

    def prepare(self) -> None:
        """Make the directory; raises AdminError."""
        files.make_directory(self.directory, mode=0o700)

    @property
    def lock(self) -> Path:
        return self.directory / "converge.lock"

    @property
    def journal(self) -> Path:
        return self.directory / "journal"

    def release(self) -> bytes | None:
        """The last release that was accepted, as it came; its signature is checked again."""
        return self._read("release", MAX_DROP + 4096)

    def keep_release(self, content: bytes, floor: Floor) -> None:
        """Keep a release; the floor is durable first, so that it can never be below it.

        The ledger begins with the first release: a missing one was lost ever after.
        """
        if not self._has("ledger") and not self._has("floor"):
            self.keep_ledger(Ledger())
        self._write("floor", _json(asdict(floor)))
        self._write("release", content)

    def floor(self) -> Floor:
        """The newest release ever accepted here."""
        values = self._object("floor")
        serial, sha256 = values.get("serial", 0), values.get("sha256", "")
        if isinstance(serial, int) and isinstance(sha256, str):
            return Floor(serial, sha256)
        return Floor()

    def ledger(self) -> Ledger:
        """What is remembered; `lost` when there was a ledger that cannot be read or is gone."""
        known = len(self.damaged)
        entries = self._shaped("ledger", _entries)
        gone = entries is None and (self._has("floor") or self._has("release"))
        return Ledger(entries or {}, lost=gone or len(self.damaged) > known)

    def keep_ledger(self, ledger: Ledger) -> None:
        document: dict[str, dict[str, list[object]]] = {}
        for key, field, entry in ledger:
            document.setdefault(key, {})[field] = [entry.value, entry.ours]
        self._write("ledger", _json(document))

    def debts(self) -> tuple[Debt, ...]:
        return self._shaped("debts", _debts) or ()

    def keep_debts(self, debts: Iterable[Debt]) -> None:
        self._write("debts", _json({"debts": [asdict(debt) for debt in debts]}))

    def events(self) -> tuple[Event, ...]:
        """What was done lately, oldest first."""
        return self._shaped("events", _events) or ()

    def keep_events(self, events: Iterable[Event]) -> None:
        newest = list(events)[-KEPT_EVENTS:]
        self._write("events", _json({"events": [asdict(event) for event in newest]}))

    def tunnels(self) -> dict[str, tuple[str, str]]:
        """What was last said of each end of a tunnel, and since when."""
        return self._shaped("tunnels", _tunnels) or {}

    def keep_tunnels(self, said: Mapping[str, tuple[str, str]]) -> None:
        """Keep what is said now, when it is something else."""
        if dict(said) != self.tunnels():
            self._write("tunnels", _json({"tunnels": said}))

    def next_stream(self, outbox_newest: int) -> Stream:
        """The next report's number, durable before it is used; never one the outbox has seen."""
        values = self._object("stream")
        name, sequence = values.get("name"), values.get("sequence")
        if not isinstance(name, str) or not isinstance(sequence, int):
            name, sequence = secrets.token_hex(8), 0
        following = Stream(name, max(sequence, outbox_newest) + 1)
        self._write("stream", _json(asdict(following)))
        return following

    def set_aside(self, path: Path) -> None:
        """Keep a damaged file for people to look at, out of our own way. Raises AdminError."""
        if self._read_only:
            self.damaged.append(f"{path.name} is damaged")
            return
        aside = path.with_name(f"{path.name}.damaged-{secrets.token_hex(4)}")
        try:
            path.rename(aside)
        except OSError as error:
            raise errors.AdminError(f"cannot set {path} aside: {error.strerror}") from error
        self.damaged.append(f"{path.name} was damaged; kept as {aside.name} and rebuilt")

    def _has(self, name: str) -> bool:
        return os.path.lexists(self.directory / name)

    def _object(self, name: str) -> dict[str, Any]:
        return self._shaped(name, dict) or {}

    def _shaped(self, name: str, shape: Callable[[dict[str, Any]], _Shape]) -> _Shape | None:
        """A file in its shape; None when it is not there, or had to be set aside."""
        content = self._read(name, MAX_STATE)
        if content is None:
            return None
        try:
            return shape(json.loads(content))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            # Whole, but not as this version writes it.
            self.set_aside(self.directory / name)
            return None

    def _write(self, name: str, content: bytes) -> None:
        header = f"offctl-state 1 {hashlib.sha256(content).hexdigest()} {len(content)}\n"
        files.write(self.directory / name, header.encode() + content, mode=files.PRIVATE)

    def _read(self, name: str, limit: int) -> bytes | None:
        path = self.directory / name
        try:
            whole = files.read(path, limit=limit)
        except errors.AdminError:
            whole = b""
        if whole is None:
            return None
        match = _HEADER.match(whole)
        content = whole[match.end() :] if match else b""
        if (
            match
            and len(content) == int(match[2])
            and hashlib.sha256(content).hexdigest() == match[1].decode()
        ):
            return content
        self.set_aside(path)
        return None


def _entries(document: dict[str, Any]) -> dict[str, dict[str, Entry]]:
    return {
        key: {field: Entry(str(value[0]), bool(value[1])) for field, value in fields.items()}
        for key, fields in document.items()
    }


def _debts(document: dict[str, Any]) -> tuple[Debt, ...]:
    return tuple(Debt(**item) for item in document["debts"])


def _tunnels(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {key: (str(state), str(since)) for key, (state, since) in document["tunnels"].items()}


def _events(document: dict[str, Any]) -> tuple[Event, ...]:
    return tuple(
        Event(**{**item, "differences": tuple(Difference(**d) for d in item["differences"])})
        for item in document["events"]
    )


def _json(values: object) -> bytes:
    return json.dumps(values, separators=(",", ":"), sort_keys=True).encode()
