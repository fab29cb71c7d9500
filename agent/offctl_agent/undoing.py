"""After the changes: asking each container on trial whether it is well, and taking back what hurt.

The verdict is durable before anything is taken back: a crash in between leads to going back again,
never to trying the same change once more.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from offctl.desired.model import Container, DesiredState, RunState
from offctl.report import Difference
from offctl.tables import INSTANT
from offctl_agent import execute, trials
from offctl_agent.circumstances import Circumstances
from offctl_agent.execute import Consent, Outcome, Result
from offctl_agent.host import beliefs
from offctl_agent.journal import Journal
from offctl_agent.observed import ObservedContainer, ObservedState
from offctl_agent.planner import actions as act
from offctl_agent.planner import resources
from offctl_agent.planner.actions import Action
from offctl_agent.planner.delta import Change
from offctl_agent.planner.ledger import Ledger
from offctl_agent.planner.plan import Effect, Origin, Plan, Step
from offctl_agent.state import State
from offctl_agent.trials import OnTrial, Trial, Undone

ABSENT = ("absent", "inherit", "default", "")
# Seconds between two looks: often at first, so that who is well quickly is soon known to be.
_PAUSES = (1.0, 1.0, 2.0, 3.0, 5.0)


@dataclass(slots=True)
class Judged:
    """What came of the trials: `results` are the steps of going back."""

    results: list[Result] = field(default_factory=list)
    undone: list[Undone] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything a judgement needs; `made` are the changes of this run, by container."""

    desired: DesiredState
    host: OnTrial
    state: State
    journal: Journal
    ledger: Ledger
    consent: Consent
    circumstances: Circumstances


def judge(bench: Bench, plan: Plan, made: frozenset[Change]) -> Judged:
    """Judge every trial whose changes are in effect. Raises AdminError."""
    found = Judged()
    for number, said in bench.host.unwell.items():
        found.notes.append(f"container {number} was not well before it was changed: {said}")
    by_id = {container.id: container for container in bench.desired.containers}
    for trial in list(bench.host.trials.values()):
        container = by_id.get(trial.container)
        if container is None or container.probe is None:
            _close(bench, trial)
        elif not bench.consent.observe_only and not _awaited(plan, trial.container):
            _judge(bench, trial, container, made, found)
    return found


def _awaited(plan: Plan, number: int) -> bool:
    """Whether something that was written is not in effect yet."""
    return any(
        step.container == number and isinstance(step.action, act.RestartContainer) for step in plan
    )


def _judge(
    bench: Bench, trial: Trial, container: Container, made: frozenset[Change], found: Judged
) -> None:
    earlier = next((u for u in bench.state.undone() if u.container == trial.container), None)
    if earlier is None or earlier.text != trial.text:
        said = _said(bench, container)
        if not said:
            _close(bench, trial)
            return
        key = resources.container(trial.container).key
        changes = frozenset(change for change in made if change[0] == key)
        time = bench.circumstances.clock().strftime(INSTANT)
        earlier = Undone(trial.container, trial.text, changes, said, time)
        others = (u for u in bench.state.undone() if u.container != trial.container)
        bench.state.keep_undone([*others, earlier])
    found.undone.append(earlier)
    results = _go_back(bench, trial, container, earlier)
    found.results += results
    if all(result.outcome is Outcome.DONE for result in results):
        _forget(bench.ledger, earlier)
        _close(bench, trial)


def _said(bench: Bench, container: Container) -> str:
    """Empty as soon as it is well; what it said last when its grace is over."""
    assert container.probe is not None
    waited, looks = 0.0, 0
    while said := trials.well(bench.host, container.id, container.probe.command):
        if waited >= container.probe.grace or not bench.circumstances.go_on():
            return said
        pause = min(_PAUSES[min(looks, len(_PAUSES) - 1)], container.probe.grace - waited)
        bench.circumstances.pause(pause)
        waited, looks = waited + pause, looks + 1
    return ""


def _go_back(bench: Bench, trial: Trial, container: Container, undone: Undone) -> list[Result]:
    # What is being taken back was consented to together with the change, its restart too.
    consent = replace(bench.consent, restart=lambda _: "")
    results: list[Result] = []
    for make in (_written, _in_effect):
        there = _there(bench.host.observe(bench.desired), trial.container)
        if there is None:
            break
        steps = tuple(make(trial, container, there, undone))
        tell = bench.circumstances.tell
        results += execute.execute(Plan(steps), bench.host, bench.journal, consent, tell)
        if any(result.outcome is not Outcome.DONE for result in results):
            break
    return results


def _written(
    trial: Trial, container: Container, there: ObservedContainer, undone: Undone
) -> Iterator[Step]:
    options = there.configuration.options
    for action in trials.inverse(trial, options, beliefs.idmap_lines(there.configuration)):
        back = [Difference(f, d, o) for _, f, o, d in sorted(undone.changes)]
        yield _step(container, "undo", action, tuple(back))


def _in_effect(
    trial: Trial, container: Container, there: ObservedContainer, undone: Undone
) -> Iterator[Step]:
    del undone
    if container.run is RunState.RUNNING and not there.running:
        action: Action = act.StartContainer(container.id, ())
        yield _step(container, "start again", action, (Difference("run", "stopped", "running"),))
    elif there.running and (trial.restarted or there.configuration.pending):
        action = act.RestartContainer(container.id, ())
        yield _step(container, "restart again", action, (), Effect.RESTART)


def _step(
    container: Container,
    text: str,
    action: Action,
    differences: tuple[Difference, ...],
    effect: Effect = Effect.ONLINE,
) -> Step:
    return Step(
        resource=resources.container(container.id, container.name),
        text=text,
        effect=effect,
        origin=Origin.WANTED,
        action=action,
        differences=differences,
        container=container.id,
    )


def _there(observed: ObservedState, number: int) -> ObservedContainer | None:
    if not isinstance(observed.containers, tuple):
        return None
    found = (c for c in observed.containers if isinstance(c, ObservedContainer))
    return next((c for c in found if c.id == number), None)


def _forget(ledger: Ledger, undone: Undone) -> None:
    """What was put back is as we put it; what it should be is a wish again, nobody's change."""
    for key, name, observed, _ in undone.changes:
        if observed in ABSENT:
            ledger.forget(key, name)
        else:
            ledger.claim(key, name, observed)


def _close(bench: Bench, trial: Trial) -> None:
    bench.host.trials.pop(trial.container, None)
    bench.state.keep_trials(bench.host.trials.values())


def against(state: State, desired: DesiredState) -> Callable[[Step], str]:
    """Why a step is not tried again; empty when it may be."""
    texts = {c.id: trials.text_hash(c) for c in desired.containers}
    known = [u for u in state.undone() if texts.get(u.container) == u.text]

    def why(step: Step) -> str:
        for undone in known:
            wanted = {
                (step.resource.key, d.field, d.observed, d.desired) for d in step.differences
            }
            if step.container == undone.container and wanted & undone.changes:
                return words(undone)
        return ""

    return why


def words(undone: Undone) -> str:
    """What happened, and how to go on."""
    return (
        f"undone {undone.time}: its probe failed after the change: {undone.reason}; publish a "
        f"release that asks for something else, or try again with `offctl-agent retry "
        f"{undone.container}`"
    )
