"""Carrying out a plan: each step journaled, its dependents skipped when it fails, nothing retried.

Decides nothing about the host; what may restart and whether to go on come in as functions.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
import enum
import time

from offctl import errors
from offctl.planner.actions import RestartContainer, StartContainer
from offctl.planner.plan import Effect, Plan, Step
from offctl_agent.host.protocol import Host
from offctl_agent.journal import Journal

# Code of a step that was left because the plan is too old.
OUTDATED = "OUTDATED"


def _nothing(_: int) -> str:
    """Nothing holds a start back."""
    return ""


def _new() -> str:
    """The plan was made just now."""
    return ""


class Outcome(enum.Enum):
    """What became of one step."""

    DONE = "done"
    FAILED = "failed"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    HELD = "held"
    WAITING = "pending"
    OBSERVED = "drift"


@dataclass(frozen=True, slots=True)
class Result:
    """A step and what became of it; `detail` is the failure's own words, or why it was left.

    `code` is the stable one of a failure, or `OUTDATED`. `milliseconds` is how long it took, where
    it was tried.
    """

    step: Step
    outcome: Outcome
    detail: str = ""
    code: str = ""
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class Consent:
    """What a run may do. `observe_only` is empty, or says why nothing may change.

    `stopped` says of a step, and `restart` of a container that would be interrupted, why not now
    and how to go on; empty when it may be. Both, and `go_on`, are asked before each step. `hold`
    says why a container must not be started yet, empty when it may; `outdated` why the plan is too
    old to be acted upon, empty while it is not.
    """

    observe_only: str
    stopped: Callable[[Step], str]
    restart: Callable[[int], str]
    go_on: Callable[[], bool]
    hold: Callable[[int], str] = _nothing
    outdated: Callable[[], str] = _new


def execute(
    plan: Plan,
    host: Host,
    journal: Journal,
    consent: Consent,
    tell: Callable[[Result], None],
    *,
    earlier: Iterable[Result] = (),
) -> list[Result]:
    """Carry out what may be; `tell` hears of every step as it ends. Raises only AdminError.

    What failed `earlier` in the same run is not tried again and has no new result.
    """
    results: list[Result] = []
    failed = {finding.resource.key for finding in plan.findings if finding.state == "unknown"}
    given_up = {
        (old.step.resource.key, old.step.action) for old in earlier if old.outcome is Outcome.FAILED
    }
    restart_failed = any(isinstance(action, RestartContainer) for _, action in given_up)
    for step in plan:
        if (step.resource.key, step.action) in given_up:
            failed.add(step.resource.key)
            continue
        result = _one(step, failed, host, journal, consent, restart_failed=restart_failed)
        if result.outcome in (Outcome.FAILED, Outcome.SKIPPED) or (
            (result.outcome in (Outcome.BLOCKED, Outcome.HELD) or step.audited) and step.hinders
        ):
            failed.add(step.resource.key)
        if result.outcome is Outcome.FAILED and isinstance(step.action, RestartContainer):
            restart_failed = True
        results.append(result)
        tell(result)
    return results


def _one(
    step: Step,
    failed: set[str],
    host: Host,
    journal: Journal,
    consent: Consent,
    *,
    restart_failed: bool,
) -> Result:
    if step.action is None:
        return Result(step, Outcome.BLOCKED, step.reason)
    if consent.observe_only or step.audited:
        return Result(step, Outcome.OBSERVED, consent.observe_only or "audit mode")
    hindered = [key for key in (step.resource.key, *step.requires) if key in failed]
    if hindered:
        return Result(step, Outcome.SKIPPED, f"needs {hindered[0]}")
    if not consent.go_on():
        return Result(step, Outcome.OBSERVED, "the agent is stopping")
    if old := consent.outdated():
        return Result(step, Outcome.OBSERVED, old, OUTDATED)
    if stopped := consent.stopped(step):
        return Result(step, Outcome.HELD, stopped)
    if step.effect is Effect.RESTART:
        if waits := consent.restart(step.container):
            return Result(step, Outcome.WAITING, waits)
        if restart_failed:
            return Result(step, Outcome.WAITING, "another container failed to restart")
    if isinstance(step.action, StartContainer) and (why := consent.hold(step.action.id)):
        return Result(step, Outcome.BLOCKED, why)
    return _carry_out(step, host, journal)


def _carry_out(step: Step, host: Host, journal: Journal) -> Result:
    assert step.action is not None
    number, began = journal.intend(step), time.monotonic()
    try:
        host.execute(step.action)
    except errors.HostError as error:
        took = _since(began)
        journal.conclude(number, Outcome.FAILED.value)
        evidence = f": {error.evidence}" if error.evidence else ""
        return Result(step, Outcome.FAILED, f"{error}{evidence}", error.code, took)
    took = _since(began)
    journal.conclude(number, Outcome.DONE.value)
    return Result(step, Outcome.DONE, milliseconds=took)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
