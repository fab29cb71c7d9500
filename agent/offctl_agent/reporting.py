"""Making the report of a run: every resource that is not right, in the words of offctl.report."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
import hashlib
from pathlib import Path
import time

import offctl
from offctl import files
from offctl.observed import ObservedPool
from offctl.planner import resources
from offctl.planner.plan import Origin, Step
from offctl.pools import PoolStatus
from offctl.report import (
    AGENT,
    MAX_RESOURCES,
    Counts,
    Event,
    Health,
    Report,
    ResourceStatus,
    TunnelStatus,
    Unasked,
)
from offctl.tables import INSTANT, MAX_INTEGER
from offctl_agent import undoing
from offctl_agent.config import Config
from offctl_agent.converge import Run
from offctl_agent.execute import Outcome, Result
from offctl_agent.intake import Intake
from offctl_agent.state import Stream

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_YEAR_10000 = 253_402_300_800


def report(
    config: Config,
    intake: Intake,
    run: Run,
    *,
    stream: Stream,
    now: datetime,
    seconds: float,
    events: Iterable[Event],
    notes: Iterable[str],
    health: Health,
    tunnels: Iterable[TunnelStatus] = (),
    unasked: Iterable[Unasked] = (),
    observation: str = "",
) -> Report:
    """The report of one run; `events` are the recent ones, oldest first."""
    statuses = [*_failure(run), *_undone(run), *_left(run), *_findings(run)]
    held = intake.held
    return Report(
        site=intake.site,
        host=config.host,
        stream=stream.name,
        sequence=stream.sequence,
        time=now,
        software=offctl.__version__,
        mode="audit" if held is None else held.desired.mode.value,
        serial=0 if held is None else held.accepted.manifest.serial,
        manifest_sha256="" if held is None else held.accepted.sha256,
        bundle_sha256="" if held is None else held.bundle_sha256,
        freshness=intake.freshness,
        interval=config.interval,
        seconds_milli=round(seconds * 1000),
        observe_only=intake.observe_only,
        code=intake.code,
        machine=machine(config),
        waits=run.waits,
        refused=intake.refused,
        counts=Counts(run.plan.resources, **Counter(status.state for status in statuses)),
        resources=tuple(statuses[:MAX_RESOURCES]),
        events=tuple(events),
        unasked=tuple(unasked),
        notes=tuple(notes),
        tunnels=tuple(tunnels),
        health=health,
        omitted=max(0, len(statuses) - MAX_RESOURCES),
        observation=observation,
        pools=tuple(_pool(each) for each in run.seen.space) if run.seen else (),
        debts=tuple(run.debts),
    )


def machine(config: Config) -> str:
    """A name for this start of this machine, which no copy of its disk has."""
    boot = files.read(_BOOT_ID, limit=256) or b""
    # Simulated hosts share one machine.
    place = str(config.simulated.resolve()) if config.simulated else ""
    return hashlib.sha256(boot + place.encode()).hexdigest()[:16]


def health() -> Health:
    """How the machine and this process are, now."""
    # Imported late: it costs more than the rest of a quiet run.
    import psutil

    memory = psutil.virtual_memory()
    return Health(
        uptime_seconds=int(time.time() - psutil.boot_time()),
        load_milli=int(psutil.getloadavg()[0] * 1000),
        memory_total=memory.total,
        memory_available=memory.available,
        agent_memory=psutil.Process().memory_info().rss,
    )


def _pool(seen: ObservedPool) -> PoolStatus:
    when = ""
    if 0 < seen.snapshots < _YEAR_10000:
        when = datetime.fromtimestamp(seen.snapshots, UTC).strftime(INSTANT)
    used, free = (min(each, MAX_INTEGER) for each in (seen.used, seen.free))
    return PoolStatus(seen.name, seen.health, used, free, when)


def _failure(run: Run) -> Iterable[ResourceStatus]:
    if run.failure:
        yield ResourceStatus(AGENT, "failed", run.failure)


def _left(run: Run) -> Iterable[ResourceStatus]:
    for step in run.plan:
        result = run.results.get((step.resource.key, step.text))
        state, reason = _state(step, result)
        yield ResourceStatus(
            resource=step.resource.label,
            state=state,
            reason=reason,
            corrective=step.origin is Origin.CORRECTIVE,
            differences=step.differences,
        )


def _state(step: Step, result: Result | None) -> tuple[str, str]:
    what = f"{step.text}: " + ", ".join(d.field for d in step.differences[:4])
    if result is None:
        return ("blocked", step.reason) if step.action is None else ("drift", what)
    if result.outcome is Outcome.DONE:
        return "failed", f"{what}: done, but it is not in effect"
    if result.outcome in (Outcome.FAILED, Outcome.BLOCKED, Outcome.SKIPPED, Outcome.HELD):
        return result.outcome.value, result.detail
    return result.outcome.value, f"{what} ({result.detail})"


def _undone(run: Run) -> Iterable[ResourceStatus]:
    for undone in run.undone:
        label = resources.container(undone.container).label
        yield ResourceStatus(label, "failed", undoing.words(undone))


def _findings(run: Run) -> Iterable[ResourceStatus]:
    for finding in run.plan.findings:
        yield ResourceStatus(finding.resource.label, finding.state, finding.reason)
