"""The agent's own memory on disk: each file whole, checksummed, and worthless alone.

Everything here can be lost: the release comes again, the ledger fills again, and only care grows.
A damaged file is set aside under another name and reported, never half believed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
import json
import os
from pathlib import Path
import secrets
from typing import Any, TypeVar

from offctl import errors, files
from offctl.planner.debts import Debt
from offctl.planner.delta import Change
from offctl.planner.ledger import Entry, Ledger
from offctl.report import Difference, Event
from offctl.tables import INSTANT
from offctl_agent import approvals, checksummed, floors, unasked
from offctl_agent.approvals import Approval
from offctl_agent.backoff import Starts, Times
from offctl_agent.floors import Mark
from offctl_agent.holds import Holds
from offctl_agent.mailbox import MAX_DROP
from offctl_agent.trials import Trial, Undone
from offctl_agent.unasked import Known

MAX_STATE = 64 * 1024 * 1024
KEPT_EVENTS = 50

_Shape = TypeVar("_Shape")


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

    @property
    def holds(self) -> Holds:
        """What an operator on this host wants to stay as it is."""
        return Holds(self.directory / "holds")

    def release(self) -> bytes | None:
        """The last release that was accepted, as it came; its signature is checked again."""
        return self._read("release", MAX_DROP + 4096)

    def begin(self) -> None:
        """Make the memory of a host that is new: a missing floor or ledger was lost ever after."""
        self.prepare()
        if not self._has("ledger") and not self._has("floor"):
            self.keep_ledger(Ledger())
        if not self._has("floor"):
            self.keep_mark(Mark())

    def keep_release(self, content: bytes) -> None:
        """Keep a release, whose floor must be durable already so that it is never below it."""
        self._write("release", content)

    def mark(self) -> Mark | None:
        """How far this host has come; None when that is not (or not any more) known here."""
        return self._shaped("floor", lambda values: floors.parse(str(values["mark"])))

    def keep_mark(self, mark: Mark) -> None:
        self._write("floor", _json({"mark": mark.text}))

    def signed_time(self) -> datetime | None:
        """The latest time that anything believed here was signed at."""
        return self._shaped("clock", _instant)

    def keep_signed_time(self, time: datetime) -> None:
        self._write("clock", _json({"signed": time.isoformat()}))

    def ledger(self) -> Ledger:
        """What is remembered; `lost` when there was a ledger that cannot be read or is gone."""
        was_there = self._has("ledger")
        entries = self._shaped("ledger", _entries, decides=True)
        missed = was_there or self._has("floor") or self._has("release")
        return Ledger(entries or {}, lost=entries is None and missed)

    def keep_ledger(self, ledger: Ledger) -> None:
        document: dict[str, dict[str, list[object]]] = {}
        for key, field, entry in ledger:
            document.setdefault(key, {})[field] = [entry.value, entry.ours]
        self._write("ledger", _json(document))

    def debts(self) -> tuple[Debt, ...]:
        return self._shaped("debts", _debts, decides=True) or ()

    def keep_debts(self, debts: Iterable[Debt]) -> None:
        self._write("debts", _json({"debts": [asdict(debt) for debt in debts]}))

    def approval(self) -> Approval:
        """What was approved here and is not carried out yet."""
        return self._shaped("approval", _approval) or approvals.NONE

    def keep_approval(self, approval: Approval) -> None:
        listed = sorted(approval.changes)
        self._write("approval", _json({"bundle": approval.bundle, "changes": listed}))

    def trials(self) -> tuple[Trial, ...]:
        """Changes whose containers have not shown yet that they are well."""
        return self._shaped("trials", _trials, decides=True) or ()

    def keep_trials(self, kept: Iterable[Trial]) -> None:
        self._write("trials", _json({"trials": [_plain(asdict(trial)) for trial in kept]}))

    def undone(self) -> tuple[Undone, ...]:
        """Changes that were taken back and are not to be tried again."""
        return self._shaped("undone", _undone, decides=True) or ()

    def keep_undone(self, kept: Iterable[Undone]) -> None:
        self._write("undone", _json({"undone": [_plain(asdict(undone)) for undone in kept]}))

    def events(self) -> tuple[Event, ...]:
        """What was done lately, oldest first."""
        return self._shaped("events", _events) or ()

    def keep_events(self, events: Iterable[Event]) -> None:
        newest = list(events)[-KEPT_EVENTS:]
        self._write("events", _json({"events": [asdict(event) for event in newest]}))

    def unasked(self) -> Known:
        """What others changed, as far as it was told."""
        return self._shaped("unasked", unasked.parse) or Known()

    def keep_unasked(self, known: Known) -> None:
        self._write("unasked", _json(unasked.dump(known)))

    def starts(self) -> Starts:
        """The starts of containers that did not last."""
        return Starts(self._shaped("starts", _starts))

    def keep_starts(self, starts: Starts) -> None:
        document = {
            str(number): [time.strftime(INSTANT) for time in times]
            for number, times in starts.items()
        }
        self._write("starts", _json(document))

    def tunnels(self) -> dict[str, tuple[str, str]]:
        """What was last said of each end of a tunnel, and since when."""
        return self._shaped("tunnels", _tunnels) or {}

    def keep_tunnels(self, said: Mapping[str, tuple[str, str]]) -> None:
        """Keep what is said now, when it is something else."""
        if dict(said) != self.tunnels():
            self._write("tunnels", _json({"tunnels": said}))

    def looked(self) -> datetime | None:
        """When the last run that was reported began."""
        told = self._object("stream").get("looked")
        try:
            return datetime.strptime(str(told), INSTANT).replace(tzinfo=UTC)
        except ValueError:
            return None

    def next_stream(self, outbox_newest: int, looked: datetime | None = None) -> Stream:
        """The next report's number, durable before it is used; never one the outbox has seen.

        `looked` is when the run began that it is about.

        A disk that is full must not keep back the report that says so: then the outbox alone
        keeps count.
        """
        values = self._object("stream")
        name, sequence = values.get("name"), values.get("sequence")
        if not isinstance(name, str) or not isinstance(sequence, int):
            name, sequence = secrets.token_hex(8), 0
        following = Stream(name, max(sequence, outbox_newest) + 1)
        try:
            self._write("stream", _json({**asdict(following), "looked": _text(looked)}))
        except errors.AdminError as error:
            self.damaged.append(f"the number of this report is not kept: {error}")
        return following

    def set_aside(self, path: Path) -> None:
        """Keep a damaged file for people to look at, out of our own way.

        Where even that is refused it stays, believed as little, and the report says both.
        """
        if self._read_only:
            self._tell(f"{path.name} is damaged")
            return
        try:
            aside = files.move_aside(path)
        except errors.AdminError as error:
            self._tell(f"{path.name} is damaged, and stays: {error}")
        else:
            self._tell(f"{path.name} was damaged; kept as {aside.name} and rebuilt")

    def left_aside(self) -> tuple[str, ...]:
        """What earlier runs set aside and is still here: told until a person has looked."""
        try:
            found = sorted(name for name in os.listdir(self.directory) if ".damaged-" in name)
        except OSError as error:
            # The host may have been changed: a report that says less is better than none.
            return (f"cannot look for what was set aside: {error.strerror}",)
        return tuple(
            f"{name} was damaged and set aside; look at it, then remove it from {self.directory}"
            for name in found
            if not any(name in told for told in self.damaged)
        )

    def _tell(self, text: str) -> None:
        """Once: what stays is found again at every look."""
        if text not in self.damaged:
            self.damaged.append(text)

    def _has(self, name: str) -> bool:
        return os.path.lexists(self.directory / name)

    def _object(self, name: str) -> dict[str, Any]:
        return self._shaped(name, dict) or {}

    def _shaped(
        self, name: str, shape: Callable[[dict[str, Any]], _Shape], *, decides: bool = False
    ) -> _Shape | None:
        """A file in its shape; None when it is not there, or had to be set aside.

        Where it `decides` what may be done, one that the disk does not give is not taken to be
        damaged: AdminError, and the next run asks again.
        """
        content = self._read(name, MAX_STATE, decides=decides)
        if content is None:
            return None
        try:
            return shape(json.loads(content))
        except (
            *(ValueError, TypeError, KeyError, AttributeError, RecursionError),
            errors.MalformedError,
        ):
            # Whole, but not as this version writes it.
            self.set_aside(self.directory / name)
            return None

    def _write(self, name: str, content: bytes) -> None:
        files.write(self.directory / name, checksummed.dump(content), mode=files.PRIVATE)

    def _read(self, name: str, limit: int, *, decides: bool = False) -> bytes | None:
        path = self.directory / name
        try:
            whole = files.read(path, limit=limit)
        except errors.AdminError as error:
            if decides and error.code not in files.NOT_OURS:
                raise
            whole = b""
        if whole is None:
            return None
        content = checksummed.parse(whole)
        if content is not None:
            return content
        self.set_aside(path)
        return None


def _instant(document: dict[str, Any]) -> datetime:
    found = datetime.fromisoformat(document["signed"])
    if found.tzinfo is None:
        raise ValueError("a time without its zone")
    return found


def _entries(document: dict[str, Any]) -> dict[str, dict[str, Entry]]:
    return {
        key: {field: Entry(str(value[0]), bool(value[1])) for field, value in fields.items()}
        for key, fields in document.items()
    }


def _debts(document: dict[str, Any]) -> tuple[Debt, ...]:
    return tuple(Debt(**item) for item in document["debts"])


def _approval(document: dict[str, Any]) -> Approval:
    return Approval(str(document["bundle"]), _changes(document["changes"]))


def _trials(document: dict[str, Any]) -> tuple[Trial, ...]:
    return tuple(
        Trial(
            **{
                **item,
                "before": tuple((str(key), str(value)) for key, value in item["before"]),
                "idmap": None if item["idmap"] is None else tuple(item["idmap"]),
                "changes": _changes(item["changes"]),
            }
        )
        for item in document["trials"]
    )


def _undone(document: dict[str, Any]) -> tuple[Undone, ...]:
    return tuple(
        Undone(**{**item, "changes": _changes(item["changes"])}) for item in document["undone"]
    )


def _changes(listed: list[list[str]]) -> frozenset[Change]:
    return frozenset((str(key), str(f), str(o), str(d)) for key, f, o, d in listed)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {k: sorted(v) if isinstance(v, frozenset) else v for k, v in values.items()}


def _tunnels(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {key: (str(state), str(since)) for key, (state, since) in document["tunnels"].items()}


def _events(document: dict[str, Any]) -> tuple[Event, ...]:
    return tuple(
        Event(**{**item, "differences": tuple(Difference(**d) for d in item["differences"])})
        for item in document["events"]
    )


def _starts(document: dict[str, Any]) -> dict[int, Times]:
    return {
        int(number): tuple(datetime.strptime(text, INSTANT).replace(tzinfo=UTC) for text in times)
        for number, times in document.items()
    }


def _text(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime(INSTANT)


def _json(values: object) -> bytes:
    return json.dumps(values, separators=(",", ":"), sort_keys=True).encode()
