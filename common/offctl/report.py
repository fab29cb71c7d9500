"""What a host says about itself after a run: the model, and the JSON it travels in.

Bounded and free of secrets by construction: a report holds names, states and the values of
settings, never file contents. `dump` cuts what would not fit; the coordinator refuses the rest.
"""

from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
import json
from typing import Any, TypeVar

from offctl import errors
from offctl.briefly import brief
from offctl.pools import PoolStatus
from offctl.tables import INSTANT, Table

_Flat = TypeVar("_Flat")

SCHEMA = 1
MAX_REPORT = 1024 * 1024
MAX_RESOURCES = 500
MAX_EVENTS = 200
MAX_WAITS = 100
MAX_UNASKED = 100
MAX_TUNNELS = 500
MAX_POOLS = 100
MAX_DEBTS = 100
_MOST = {"resources": MAX_RESOURCES, "events": MAX_EVENTS, "waits": MAX_WAITS}
_MOST |= {"tunnels": MAX_TUNNELS, "pools": MAX_POOLS, "debts": MAX_DEBTS}

# What a run that an error ended reports as failed; it says nothing of any other resource.
AGENT = "the agent itself"
RESOURCE_STATES = (
    "drift",  # differs from what is desired, and was not (yet) changed
    "held",  # may not be changed for now: a hold, a freeze, or an approval that is missing
    "pending",  # written, in effect only after a restart that waits for its window
    "blocked",  # cannot be done; the reason says what would unblock it
    "failed",  # was tried in this run and did not succeed
    "skipped",  # depends on something that failed or is blocked
    "unknown",  # could not be read, so nothing was concluded
    "orphan",  # was ours and left the text; untouched
    "unmanaged",  # was never ours; untouched
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of a resource: what it is and what it should be, as text."""

    field: str
    observed: str
    desired: str


@dataclass(frozen=True, slots=True)
class ResourceStatus:
    """One resource that is not simply right. `corrective`: somebody else changed it."""

    resource: str
    state: str
    reason: str
    corrective: bool = False
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """One action of a recent run.

    `time` is UTC as RFC 3339; `outcome` is "done" or "failed"; `origin` says why it was done:
    "wanted" (the text asked for it) or "corrective" (somebody else had changed the host).
    `milliseconds` is how long it took, `serial` the release that was worked towards; both are 0
    from a host whose offctl is older.
    """

    time: str
    resource: str
    action: str
    origin: str
    outcome: str
    detail: str = ""
    differences: tuple[Difference, ...] = ()
    milliseconds: int = 0
    serial: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """How many resources are in each state; `resources` counts all that are desired."""

    resources: int = 0
    drift: int = 0
    held: int = 0
    pending: int = 0
    blocked: int = 0
    failed: int = 0
    skipped: int = 0
    unknown: int = 0
    orphan: int = 0
    unmanaged: int = 0


TUNNEL_STATES = (
    "proven",  # client end: a connection through it, to the far target and back, stays up
    "loaded",  # server end: its stunnel listens, and has read exactly what it should serve
    "not loaded",  # it listens, but has not read what it should serve
    "down",  # nothing listens
    "broken",  # it listens and does not work, or must not or cannot be set up
    "unknown",  # could not be looked at
)


@dataclass(frozen=True, slots=True)
class TunnelStatus:
    """One end of a tunnel. During a rotation a server end has one for each generation it accepts.

    `container` 0 is the host itself; `since` is UTC as RFC 3339, and so is `proven_at`: when a
    connection through a client end was seen to stay up, empty when the last one did not.
    """

    tunnel: str
    role: str
    container: int
    instance: str
    accept: str
    peer: str
    generation: int
    state: str
    since: str
    reason: str
    consumers: tuple[str, ...] = ()
    proven_at: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Something that keeps the host from changing `scope`, whether or not anything differs there.

    `kind` is "hold", "freeze", "approval" or "undone"; `until` is UTC as RFC 3339, or empty;
    `go_on` says how to go on sooner.
    """

    kind: str
    scope: str
    until: str
    reason: str
    go_on: str


@dataclass(frozen=True, slots=True)
class Unasked:
    """One field that was right and that somebody changed, without being asked by a release.

    Last seen right at `since` ("" when not known) and seen changed at `found`, both UTC as RFC
    3339. `who` did `how` (a task of PVE, or a command of ZFS) at `time`, where the host's own
    records tell that; else the three are empty and `untold` says why.
    """

    resource: str
    field: str
    observed: str
    desired: str
    since: str
    found: str
    time: str
    who: str
    how: str
    untold: str

    @property
    def words(self) -> str:
        """In one line for people, as it came: whoever prints it makes it harmless."""
        doer = f"{self.how} by {self.who} at {self.time}" if self.who else f"by whom: {self.untold}"
        return f"{self.resource}: {self.field} is {self.observed}, was {self.desired}; {doer}"


@dataclass(frozen=True, slots=True)
class Refused:
    """The newest offer the host did not believe, and why."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    """How the machine is: seconds since boot, 1-minute load, memory and the agent's own (bytes)."""

    uptime_seconds: int = 0
    load_milli: int = 0
    memory_total: int = 0
    memory_available: int = 0
    agent_memory: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """One run of one host.

    `stream` is random per state directory and `sequence` grows within it, so that order never
    depends on a clock. `serial` 0 with an empty `manifest_sha256` means: nothing accepted yet.
    `events` are what it did lately, oldest first; `resources` are those not right after the run;
    `unasked` is what others lately changed, oldest first.
    `observe_only` says why nothing may be changed, and `code` says it to programs. `machine` tells
    one start of one machine from any other: a copied disk brings the keys along, but not this.
    `observation` names what was observed in this run (offctl.observation); empty for none.
    `debts` are what the agent owes the host after an interrupted change, in words.
    """

    site: str
    host: str
    stream: str
    sequence: int
    time: datetime
    software: str
    mode: str
    serial: int
    manifest_sha256: str
    bundle_sha256: str
    freshness: str
    interval: int
    seconds_milli: int
    observe_only: str = ""
    code: str = ""
    machine: str = ""
    waits: tuple[Wait, ...] = ()
    refused: Refused | None = None
    counts: Counts = Counts()
    resources: tuple[ResourceStatus, ...] = ()
    events: tuple[Event, ...] = ()
    unasked: tuple[Unasked, ...] = ()
    notes: tuple[str, ...] = ()
    tunnels: tuple[TunnelStatus, ...] = ()
    health: Health = Health()
    omitted: int = 0
    observation: str = ""
    pools: tuple[PoolStatus, ...] = ()
    debts: tuple[str, ...] = ()


def dump(report: Report) -> bytes:
    """The report as JSON of at most MAX_REPORT bytes; `omitted` counts what was cut."""
    shown: dict[str, Any] = {name: getattr(report, name)[:most] for name, most in _MOST.items()}
    shown["unasked"] = report.unasked[-MAX_UNASKED:]  # the newest are last
    lost = sum(len(getattr(report, name)) - len(items) for name, items in shown.items())
    cut = replace(report, **shown, omitted=report.omitted + lost)
    content = _encode(cut)
    while len(content) > MAX_REPORT:
        kept = len(cut.resources) // 2
        waits = cut.waits if cut.resources else cut.waits[: len(cut.waits) // 2]
        lost = len(cut.resources) - kept + len(cut.events) + len(cut.unasked)
        cut = replace(
            cut,
            omitted=cut.omitted + lost + len(cut.waits) - len(waits),
            waits=waits,
            resources=cut.resources[:kept],
            events=(),
            unasked=(),
            notes=cut.notes[:10],
            tunnels=cut.tunnels[: len(cut.tunnels) // 2],
        )
        content = _encode(cut)
    return content


def _encode(report: Report) -> bytes:
    document = {"schema": SCHEMA, **asdict(report), "time": report.time.strftime(INSTANT)}
    return json.dumps(brief(document), ensure_ascii=True, separators=(",", ":")).encode()


def parse(content: bytes) -> Report:
    """Read a report; raises MalformedError for whatever `dump` could not have written."""
    if len(content) > MAX_REPORT:
        raise errors.MalformedError(
            f"cannot read the report: {len(content)} bytes are more than the {MAX_REPORT} allowed",
            code="TOO_LARGE",
        )
    try:
        document = json.loads(content, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        raise errors.MalformedError("cannot read the report: it is not JSON") from None
    if not isinstance(document, dict):
        raise errors.MalformedError("cannot read the report: it is not a JSON object")
    return _report(Table(document, "the report"))


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("duplicate key")
    return document


def _report(table: Table) -> Report:
    table.integer("schema", least=SCHEMA, most=SCHEMA)
    refused = None
    if not table.is_null("refused"):
        refused = _flat(Refused, table.table("refused"))
    report = Report(
        site=table.string("site"),
        host=table.string("host"),
        stream=table.string("stream"),
        sequence=table.integer("sequence"),
        time=table.instant("time"),
        software=table.string("software"),
        mode=table.choice("mode", ("enforce", "audit")),
        serial=table.integer("serial"),
        manifest_sha256=table.string("manifest_sha256"),
        bundle_sha256=table.string("bundle_sha256"),
        freshness=table.choice("freshness", ("fresh", "stale", "expired", "unknown")),
        interval=table.integer("interval", least=1, most=86_400),
        seconds_milli=table.integer("seconds_milli"),
        observe_only=table.string("observe_only"),
        code=table.string("code"),
        machine=table.string("machine"),
        waits=tuple(_flat(Wait, item) for item in table.tables("waits")),
        refused=refused,
        counts=_flat(Counts, table.table("counts")),
        resources=tuple(_resource(item) for item in table.tables("resources")),
        events=tuple(_event(item) for item in table.tables("events")),
        unasked=tuple(_flat(Unasked, item) for item in table.tables("unasked")),
        notes=table.strings("notes"),
        tunnels=tuple(_tunnel(item) for item in table.tables("tunnels")),
        health=_flat(Health, table.table("health")),
        omitted=table.integer("omitted"),
        # A host whose offctl is older has none.
        observation=table.string("observation", ""),
        pools=tuple(_flat(PoolStatus, item) for item in table.tables("pools")),
        debts=table.strings("debts"),
    )
    table.finish()
    return report


def _resource(table: Table) -> ResourceStatus:
    status = ResourceStatus(
        resource=table.string("resource"),
        state=table.choice("state", RESOURCE_STATES),
        reason=table.string("reason"),
        corrective=table.boolean("corrective"),
        differences=_differences(table),
    )
    table.finish()
    return status


def _tunnel(table: Table) -> TunnelStatus:
    status = TunnelStatus(
        tunnel=table.string("tunnel"),
        role=table.choice("role", ("client", "server")),
        container=table.integer("container"),
        instance=table.string("instance"),
        accept=table.string("accept"),
        peer=table.string("peer"),
        generation=table.integer("generation", least=1),
        state=table.choice("state", TUNNEL_STATES),
        since=table.string("since"),
        reason=table.string("reason"),
        consumers=table.strings("consumers"),
        # A host whose offctl is older does not say it.
        proven_at=table.string("proven_at", ""),
    )
    table.finish()
    return status


def _event(table: Table) -> Event:
    event = Event(
        time=table.string("time"),
        resource=table.string("resource"),
        action=table.string("action"),
        origin=table.choice("origin", ("wanted", "corrective")),
        outcome=table.choice("outcome", ("done", "failed")),
        detail=table.string("detail"),
        differences=_differences(table),
        milliseconds=table.integer("milliseconds", 0),
        serial=table.integer("serial", 0),
    )
    table.finish()
    return event


def _differences(table: Table) -> tuple[Difference, ...]:
    return tuple(_flat(Difference, item) for item in table.tables("differences"))


def _flat(kind: type[_Flat], table: Table) -> _Flat:
    """An instance of a dataclass whose fields are all strings or all non-negative integers."""
    values: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        take = table.string if field.type in (str, "str") else table.integer
        values[field.name] = take(field.name)
    table.finish()
    return kind(**values)
