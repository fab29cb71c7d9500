"""Plans and runs as text and as JSON; nothing here decides or prints by itself."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from offctl.planner import wording
from offctl.planner.plan import Origin, Plan
from offctl.report import Report, Unasked, Wait
from offctl.tables import INSTANT
from offctl.text import visible
from offctl_agent.execute import Outcome, Result
from offctl_agent.intake import Intake
from offctl_agent.local import Seen

_MOST_UNASKED = 5


def plan_lines(intake: Intake, plan: Plan, waits: Iterable[Wait]) -> Iterator[str]:
    """A plan for people: what, why, before and after, and the exact commands."""
    yield heading(intake) + (" (offered, not kept yet)" if intake.news else "")
    if intake.refused is not None:
        yield f"refused: {visible(intake.refused.reason)} [{intake.refused.code}]"
    if intake.held is None:
        return
    yield wording.summary(plan)
    yield from wait_lines(waits)
    for step in plan:
        yield ""
        yield from wording.step_lines(step)
    notes = [finding for finding in plan.findings if finding.state != "unmanaged"]
    if notes:
        yield ""
    for finding in notes:
        yield wording.finding_line(finding)


def wait_lines(waits: Iterable[Wait]) -> Iterator[str]:
    """What keeps the host from changing, and how to go on."""
    for wait in waits:
        until = f" until {wait.until}" if wait.until else ""
        yield visible(f"{wait.kind} on {wait.scope}{until}: {wait.reason}")
        yield visible(f"    to go on: {wait.go_on}")


def heading(intake: Intake) -> str:
    """Which release this is about, and what the host may do."""
    if intake.held is None:
        return "no release accepted yet" if intake.refused is None else "no release is believed"
    manifest = intake.held.accepted.manifest
    line = f"{intake.held.desired.host}: release {manifest.serial} of {manifest.site}"
    return line + (f"; observing only: {intake.observe_only}" if intake.observe_only else "")


def result_line(result: Result) -> str:
    """One step as it ended."""
    marks = {Outcome.DONE: "✓", Outcome.FAILED: "✗", Outcome.BLOCKED: "!", Outcome.WAITING: "↻"}
    mark = marks.get(result.outcome, "-")
    step = result.step
    fields = ", ".join(d.field for d in step.differences[:3])
    fields += f" and {len(step.differences) - 3} more" if len(step.differences) > 3 else ""
    origin = "drift" if step.origin is Origin.CORRECTIVE else "wanted"
    line = f"{mark} {step.resource.label}: {step.text} ({fields}) [{origin}]"
    if result.outcome is Outcome.DONE:
        return visible(line)
    return visible(f"{line} {result.outcome.value}: {result.detail}")


def log_line(result: Result) -> str:
    """One action for a log: what, why, and the first differences."""
    step = result.step
    told = ", ".join(f"{d.field}: {d.observed} → {d.desired}" for d in step.differences[:2])
    told += f" and {len(step.differences) - 2} more" if len(step.differences) > 2 else ""
    failed = f": {result.detail}" if result.detail else ""
    return visible(
        f"{result.outcome.value}: {step.resource.label}: {step.text} ({told}) "
        f"[{step.origin.value}]{failed}"
    )


def plan_json(intake: Intake, plan: Plan, waits: Iterable[Wait]) -> dict[str, Any]:
    """The plan as one JSON object; keys are stable."""
    held = intake.held
    return {
        "host": None if held is None else held.desired.host,
        "serial": None if held is None else held.accepted.manifest.serial,
        "observe_only": intake.observe_only,
        "refused": None if intake.refused is None else asdict(intake.refused),
        "digest": plan.digest,
        "waits": [asdict(wait) for wait in waits],
        "resources": plan.resources,
        "steps": [wording.step_json(step) for step in plan],
        "findings": [wording.finding_json(finding) for finding in plan.findings],
    }


def left_lines(report: Report) -> Iterator[str]:
    """What is not right after a run, or that everything is."""
    if report.refused is not None:
        yield f"refused: {visible(report.refused.reason)} [{report.refused.code}]"
    if not report.serial:
        yield "nothing was changed: it is not known what this host should be"
        return
    yield from wait_lines(report.waits)
    left = [r for r in report.resources if r.state not in ("unmanaged", "orphan")]
    if not left:
        yield f"all {report.counts.resources} resources are as desired"
    for resource in left:
        drift = " [drift]" if resource.corrective else ""
        yield visible(f"{resource.state}: {resource.resource}: {resource.reason}{drift}")
    yield from _unasked_lines(report)
    for state in ("orphan", "unmanaged"):
        count = getattr(report.counts, state)
        if count:
            yield f"{count} {state}: reported, untouched"
    yield from (visible(f"owed: {debt}") for debt in report.debts)
    yield from (visible(f"note: {note}") for note in report.notes)


def _unasked_lines(report: Report) -> Iterator[str]:
    if report.unasked:
        yield "lately changed without being asked:"
    for item in report.unasked[-_MOST_UNASKED:]:
        yield visible(f"  {item.found}  {item.words}")


def unasked_line(item: Unasked) -> str:
    """One change of somebody's for a log."""
    return visible(f"changed without being asked: {item.words}")


def exit_status(report: Report) -> int:
    """0 all right, 1 something is left to do or to know, 2 something failed or was refused."""
    counts = report.counts
    if counts.failed or report.refused is not None:
        return 2
    waiting = (
        counts.drift
        + counts.held
        + counts.pending
        + counts.blocked
        + counts.skipped
        + counts.unknown
    )
    return 1 if waiting or report.serial == 0 or report.freshness == "expired" else 0


def report_json(report: Report) -> dict[str, Any]:
    """The report as one JSON object; keys are those of offctl.report."""
    return {**asdict(report), "time": report.time.strftime(INSTANT)}


def is_old(report: Report, now: datetime) -> bool:
    """Whether the last run is longer ago than a running agent would let it be."""
    return (now - report.time).total_seconds() > max(30, 3 * report.interval)


def local_json(seen: Seen) -> dict[str, Any]:
    """The last report and the courier's note."""
    return {
        "report": None if seen.report is None else report_json(seen.report),
        "courier": None if seen.courier is None else asdict(seen.courier),
    }


def local_lines(seen: Seen, now: datetime) -> Iterator[str]:
    """The host's own status for people."""
    courier = seen.courier
    if courier is None:
        yield "coordinator: the courier has not run yet"
    elif courier.error:
        since = f"last reached {courier.contacted}" if courier.contacted else "never reached"
        yield visible(f"coordinator: unreachable, {since}: {courier.error}")
    else:
        yield visible(f"coordinator: {courier.address}, last reached {courier.contacted}")
    report = seen.report
    if report is None:
        yield "no run yet"
        return
    age = int((now - report.time).total_seconds())
    if is_old(report, now):
        yield f"no run for {age} s: is offctl-agent running?"
    yield (
        f"{report.host}: release {report.serial or 'none'}, {report.mode}, {report.freshness}; "
        f"last run {age} s ago"
    )
    if report.observe_only:
        yield f"observing only: {report.observe_only}"
    yield from left_lines(report)
