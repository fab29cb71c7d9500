"""What a run may do: holds, freezes, limits, verdicts and windows, each with how to go on."""

from collections.abc import Callable
from datetime import datetime

from offctl.desired.model import DesiredState, Mode
from offctl.planner.plan import Step
from offctl.report import Wait
from offctl_agent import stops, trials, undoing, windows
from offctl_agent.approvals import Limit
from offctl_agent.backoff import Starts
from offctl_agent.circumstances import Circumstances
from offctl_agent.execute import Consent
from offctl_agent.intake import Intake
from offctl_agent.state import State
from offctl_agent.trials import Undone

# A clock that jumped ahead makes everything expire; it must not end what a person asked for.
_DOUBTFUL = frozenset({"CLOCK", "EXPIRED", "TRUST_EXPIRED"})


def consent(
    desired: DesiredState,
    intake: Intake,
    circumstances: Circumstances,
    stopping: tuple[State, Limit, Starts],
) -> Consent:
    by_id = {container.id: container for container in desired.containers}
    state, limit, starts = stopping
    observe_only = intake.observe_only
    if desired.mode is Mode.AUDIT:
        observe_only = observe_only or "audit mode"

    quiet = peace(desired, state, circumstances)
    undone = undoing.against(state, desired)

    def stopped(step: Step) -> str:
        return quiet(step) or undone(step) or limit.against(step)

    def restart(number: int) -> str:
        if number in circumstances.restarts:
            return ""
        container = by_id.get(number)
        own = container.windows if container is not None else ()
        closed = windows.why_closed(own or desired.windows, circumstances.clock())
        return f"{closed}; `offctl-agent apply --restart {number}` does it now" if closed else ""

    def hold(number: int) -> str:
        if number in circumstances.restarts:
            return ""
        return starts.wait(number, circumstances.clock())

    return Consent(observe_only, stopped, restart, circumstances.go_on, hold)


def peace(
    desired: DesiredState, state: State, circumstances: Circumstances
) -> Callable[[Step], str]:
    def stopped(step: Step) -> str:
        # Read anew before each step: a hold counts from the moment it is given.
        found = stops.find(desired, state.holds.read(), circumstances.clock())
        return next((stop.words for stop in found if stop.covers(step)), "")

    return stopped


def waits(intake: Intake, state: State, limit: Limit, now: datetime) -> tuple[Wait, ...]:
    """Everything that keeps this host from changing for now, and how to go on."""
    assert intake.held is not None, "asked of a host that knows what it should be"
    desired = intake.held.desired
    found = tuple(s.wait for s in stops.find(desired, state.holds.read(), now))
    found += tuple(undoing.wait(each) for each in undone_still(desired, state))
    # Where nothing may be changed anyway, there is nothing to approve.
    return found if intake.observe_only else (*found, *limit.waits)


def over(intake: Intake, state: State, circumstances: Circumstances) -> list[str]:
    """Forget the holds that are over, and say so; not by a clock by which nothing is done."""
    if intake.code in _DOUBTFUL:
        return []
    ended = state.holds.expire(circumstances.clock())
    return [f"the hold is over: {hold.reason} (it ended by itself)" for hold in ended]


def still_undone(desired: DesiredState, state: State) -> tuple[Undone, ...]:
    """The same; what the text does not ask for any more is forgotten."""
    kept = undone_still(desired, state)
    if kept != state.undone():
        state.keep_undone(kept)
    return kept


def undone_still(desired: DesiredState, state: State) -> tuple[Undone, ...]:
    """What is not tried again as long as the text asks for it."""
    texts = {container.id: trials.text_hash(container) for container in desired.containers}
    return tuple(each for each in state.undone() if texts.get(each.container) == each.text)
