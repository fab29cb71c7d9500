"""After the changes: asking each container on trial whether it is well, and taking back what hurt.

The verdict is durable before anything is taken back: a crash in between leads to going back again,
never to trying the same change once more.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from offctl.desired.model import Container, DesiredState, RunState
from offctl.observed import ObservedContainer, ObservedState
from offctl.planner import actions as act
from offctl.planner import containers, idmaps, resources
from offctl.planner.actions import Action
from offctl.planner.ledger import Ledger
from offctl.planner.plan import Effect, Origin, Plan, Step
from offctl.report import Difference, Wait
from offctl.tables import INSTANT
from offctl_agent import execute, trials
from offctl_agent.age import Age
from offctl_agent.circumstances import Circumstances
from offctl_agent.execute import Consent, Outcome, Result
from offctl_agent.host import beliefs
from offctl_agent.journal import Journal
from offctl_agent.state import State
from offctl_agent.trials import OnTrial, Trial, Undone

UNDO = "undo"
ABSENT = ("absent", "inherit", "default", "")
# Seconds between two looks: often at first, so that who is well quickly is soon known to be.
_PAUSES = (1.0, 1.0, 2.0, 3.0, 5.0)


@dataclass(slots=True)
class Judged:
    """What came of the trials: `results` are the steps of going back."""

    results: list[Result] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything a judgement needs; `consent` says what even going back waits for.

    `age` is that of the run: by a release that has expired nothing is judged, as in a run that
    begins then.
    """

    desired: DesiredState
    host: OnTrial
    state: State
    journal: Journal
    ledger: Ledger
    consent: Consent
    circumstances: Circumstances
    age: Age

    def expired(self, container: Container) -> str:
        """Why it is too late to judge: never because of the time that the probe was given."""
        assert container.probe is not None
        return self.age.expired(timedelta(seconds=container.probe.grace))


def judge(bench: Bench, plan: Plan) -> Judged:
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
            _judge(bench, trial, container, found)
    return found


def _awaited(plan: Plan, number: int) -> bool:
    """Whether something that was written is not in effect yet."""
    return any(
        step.container == number and isinstance(step.action, act.RestartContainer) for step in plan
    )


def _judge(bench: Bench, trial: Trial, container: Container, found: Judged) -> None:
    if not trial.condemned:
        said = _said(bench, container)
        if said is None:
            if over := bench.expired(container):
                found.notes.append(f"container {trial.container}: not judged: {over}")
            return
        if not said:
            _close(bench, trial)
            return
        trial = _condemn(bench, trial, said)
    results = list(_go_back(bench, trial, container, found))
    done = [result for result in results if result is not None]
    found.results += done
    found.notes += [
        f"{r.step.resource.label}: going back ({r.step.text}) {r.outcome.value}: {r.detail}"
        for r in done
        if r.outcome is not Outcome.DONE
    ]
    if all(result is not None and result.outcome is Outcome.DONE for result in results):
        if not any(result.step.text == UNDO for result in done):
            _conclude(bench, trial, container)
        _forget(bench.ledger, trial)
        _close(bench, trial)


def _condemn(bench: Bench, trial: Trial, said: str) -> Trial:
    """Decide it durably: first that it is not to be done again, then that it is taken back."""
    time = bench.circumstances.clock().strftime(INSTANT)
    known = [undone for undone in bench.state.undone() if undone.container != trial.container]
    bench.state.keep_undone(
        [*known, Undone(trial.container, trial.text, trial.changes, said, time)]
    )
    condemned = replace(trial, condemned=True)
    bench.host.trials[trial.container] = condemned
    bench.state.keep_trials(bench.host.trials.values())
    return condemned


def _said(bench: Bench, container: Container) -> str | None:
    """Empty as soon as it is well; what it said last when its grace is over.

    None when the agent is stopping, somebody wants peace here, or the release has expired: then it
    is judged another time.
    """
    assert container.probe is not None
    look = _step(container, UNDO, act.SetContainer(container.id, (), (), (), (), False), ())
    waited, looks = 0.0, 0
    while True:
        begun = bench.circumstances.elapsed()
        said = trials.well(bench.host, container.id, container.probe.command)
        if not said:
            return ""
        # A probe that hangs takes its time out of the grace.
        waited += bench.circumstances.elapsed() - begun
        if bench.expired(container):
            return None
        if waited >= container.probe.grace:
            return said
        if not bench.circumstances.go_on() or bench.consent.stopped(look):
            return None
        pause = min(_PAUSES[min(looks, len(_PAUSES) - 1)], container.probe.grace - waited)
        bench.circumstances.pause(pause)
        waited, looks = waited + pause, looks + 1


def _go_back(
    bench: Bench, trial: Trial, container: Container, found: Judged
) -> Iterator[Result | None]:
    """The results of going back; None where it could not be seen how the container is."""
    # A restart back was consented to with the restart there; any other waits for its own consent.
    consent = replace(bench.consent, outdated=lambda: bench.expired(container))
    if trial.restarted:
        consent = replace(consent, restart=lambda _: "")
    for make in (_written, _in_effect):
        there = _there(bench.host.observe(bench.desired), trial.container)
        if there is None:
            found.notes.append(f"container {trial.container}: cannot go back: it cannot be read")
            yield None
            return
        steps = tuple(make(trial, container, there, bench.desired))
        tell = bench.circumstances.tell
        results = execute.execute(Plan(steps), bench.host.plain, bench.journal, consent, tell)
        yield from results
        if any(result.outcome is not Outcome.DONE for result in results):
            return


def _written(
    trial: Trial, container: Container, there: ObservedContainer, desired: DesiredState
) -> Iterator[Step]:
    del desired
    now = there.configuration
    for action in trials.inverse(trial, now, beliefs.idmap_lines(now)):
        yield _step(container, UNDO, action, _back(trial))


def _back(trial: Trial) -> tuple[Difference, ...]:
    return tuple(Difference(name, new, old) for _, name, old, new in sorted(trial.changes))


def _conclude(bench: Bench, trial: Trial, container: Container) -> None:
    """A life before this one went back and died before it could say so.

    Its journal tells of the change as of one that stands, and may be read once more.
    """
    number = bench.journal.intend(_step(container, UNDO, None, _back(trial)))
    bench.journal.conclude(number, Outcome.DONE.value)


def _in_effect(
    trial: Trial, container: Container, there: ObservedContainer, desired: DesiredState
) -> Iterator[Step]:
    now = there.configuration
    values = [value for key, value in now.options if key.startswith("mp")]
    sources = tuple(
        source
        for source in containers.sources(container, desired)
        if any(value.startswith(f"{source.path},") for value in values)
    )
    if container.run is RunState.RUNNING and not there.running:
        action: Action = act.StartContainer(container.id, sources)
        yield _step(container, "start again", action, (Difference("run", "stopped", "running"),))
    elif there.effective is not None and _waits(trial, there):
        action = act.RestartContainer(container.id, sources)
        yield _step(container, "restart again", action, (), Effect.RESTART)


def _waits(trial: Trial, there: ObservedContainer) -> bool:
    """Whether what was put back is not in effect in the running container."""
    now = there.configuration
    if now.pending or now.pending_delete:
        return True
    if trial.idmap is None or there.effective is None:
        return False
    written = idmaps.lines(now) or idmaps.DEFAULT_LINES
    return idmaps.describe(written) != idmaps.describe(there.effective.idmap)


def _step(
    container: Container,
    text: str,
    action: Action | None,
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


def _forget(ledger: Ledger, trial: Trial) -> None:
    """What was put back is as we put it; what it should be is a wish again, nobody's change."""
    for key, name, observed, _ in trial.changes:
        if observed in ABSENT:
            ledger.forget(key, name)
        else:
            ledger.claim(key, name, observed)


def _close(bench: Bench, trial: Trial) -> None:
    bench.host.trials.pop(trial.container, None)
    bench.state.keep_trials(bench.host.trials.values())


def against(state: State, desired: DesiredState) -> Callable[[Step], str]:
    """Why a step is not tried again, or not before going back has ended; empty when it may be."""
    texts = {c.id: trials.text_hash(c) for c in desired.containers}

    def why(step: Step) -> str:
        if not isinstance(step.action, act.SetContainer | act.SetIdmap):
            return ""
        known = [u for u in state.undone() if texts.get(u.container) == u.text]
        going_back = {trial.container for trial in state.trials() if trial.condemned}
        wanted = {(step.resource.key, d.field, d.desired) for d in step.differences}
        for undone in known:
            unwanted = {(key, name, value) for key, name, _, value in undone.changes}
            again = wanted & unwanted or undone.container in going_back
            if step.container == undone.container and again:
                return words(undone)
        return ""

    return why


def words(undone: Undone) -> str:
    """What happened, and how to go on."""
    found = wait(undone)
    return f"{found.reason}; {found.go_on}"


def wait(undone: Undone) -> Wait:
    """What is not tried again, and how to go on."""
    return Wait(
        kind="undone",
        scope=resources.container(undone.container).label,
        until="",
        reason=f"undone {undone.time}: its probe failed after the change: {undone.reason}",
        go_on=(
            "publish a release that asks for something else, or try again with "
            f"`offctl-agent retry {undone.container}`"
        ),
    )
