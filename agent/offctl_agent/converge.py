"""One run: verify, observe, plan, execute, observe again, remember, report."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from offctl import errors, files
from offctl.desired.model import DesiredState
from offctl.observed import ObservedContainer, ObservedInstance, ObservedState, Unknown
from offctl.planner import debts as owed
from offctl.planner import planner, resources
from offctl.planner import view as views
from offctl.planner.actions import SetContainer, StartContainer
from offctl.planner.containers import is_half_made
from offctl.planner.ledger import EXISTS, Ledger
from offctl.planner.plan import Plan, Resource
from offctl.planner.view import View
from offctl.report import Event, Unasked, Wait
from offctl.tables import INSTANT
from offctl_agent import approvals, consenting, execute, undoing
from offctl_agent.age import Age
from offctl_agent.approvals import Limit
from offctl_agent.backoff import Starts
from offctl_agent.circumstances import Circumstances
from offctl_agent.execute import Consent, Outcome, Result
from offctl_agent.host import failures
from offctl_agent.host.protocol import Host
from offctl_agent.intake import Intake
from offctl_agent.journal import Journal, Record
from offctl_agent.rounds import Rounds, identity
from offctl_agent.state import State
from offctl_agent.trials import OnTrial, Undone
from offctl_agent.undoing import Bench
from offctl_agent.witness import Witness

# Key, field and desired value of what an interrupted step was about.
Interrupted = set[tuple[str, str, str]]


@dataclass(slots=True)
class Run:
    """What one run did and what is left: the plan after it, and each left step's last result.

    `tunnels` are the stunnel instances as they were last seen, `seen` is the whole host, and `view`
    what others may know of it and of what is remembered; `unasked` is what was newly found
    changed by others; `failure` is empty, or says why the run could not be ended.
    """

    plan: Plan
    results: dict[tuple[str, str], Result] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    debts: list[str] = field(default_factory=list)
    waits: tuple[Wait, ...] = ()
    undone: tuple[Undone, ...] = ()
    tunnels: tuple[ObservedInstance, ...] = ()
    unasked: tuple[Unasked, ...] = ()
    seen: ObservedState | None = None
    view: View | None = None
    failure: str = ""


def run(intake: Intake, state: State, host: Host, circumstances: Circumstances) -> Run:
    """Converge on what `intake` holds. The caller holds the state's lock. Raises AdminError."""
    journal = Journal(state.journal)
    ledger = state.ledger()
    left = _recovered(journal, state)
    interrupted = _absorb(left, ledger)
    debts = _debts(state, left)
    if intake.held is None:
        state.keep_ledger(ledger)
        return Run(Plan())
    desired = intake.held.desired
    notes = _presume(desired, ledger) if ledger.lost else []
    asked = owed.added(desired, debts)
    starts = state.starts()
    limit = Limit(desired, state.approval())
    consent = consenting.consent(desired, intake, circumstances, (state, limit, starts))
    trial = OnTrial(host, desired, state.trials(), state.keep_trials)
    killed = {record.key for record in left if record.outcome != Outcome.DONE.value}
    witness = Witness(trial, state, ledger, circumstances.clock, killed)
    # One for both rounds: what expires while a probe is given its time has expired after it too.
    age = Age(circumstances, intake.until or intake.held.accepted.manifest.expires)
    going = (consent, circumstances, limit, witness, age)
    found = _rounds(asked, ledger, (journal, interrupted, starts), trial, going)
    peace = replace(consent, stopped=consenting.peace(desired, state, circumstances))
    bench = Bench(asked, trial, state, journal, ledger, peace, circumstances, age)
    if (judged := undoing.judge(bench, found.plan)).results:
        found.events += [_event(r, circumstances) for r in judged.results if _happened(r)]
        again = _rounds(asked, ledger, (journal, interrupted, starts), trial, going)
        _go_on(found, again)
    found.notes += judged.notes
    found.undone = consenting.still_undone(desired, state)
    found.notes += notes + consenting.over(intake, state, circumstances)
    found.waits = consenting.waits(intake, state, limit, circumstances.clock())
    witness.left(found.plan)
    found.unasked = witness.found
    _settle(found.plan, ledger, interrupted)
    debts += [debt for debt in _failed_debts(found.results.values()) if debt not in debts]
    unpaid = [debt for debt in debts if not _paid(debt, desired, found.plan)]
    _disown(set(debts) - set(unpaid), desired, ledger)
    # Then the debts: after a crash in between they are asked for again, which harms nothing.
    state.keep_ledger(ledger)
    state.keep_debts(unpaid)
    if starts.items() != state.starts().items():
        state.keep_starts(starts)
    if (still := approvals.left(limit.approval, found.plan, desired)) != state.approval():
        state.keep_approval(still)
    if found.events:
        state.keep_events((*state.events(), *found.events))
    journal.empty()
    found.view = views.of(desired, found.seen, ledger, unpaid) if found.seen else None
    if broken := sum(len(record.differences) for record in left if not record.outcome):
        found.notes.append(f"the run before was interrupted in {broken} fields; looked again")
    found.debts = [f"container {d.container} {d.option}={d.value}" for d in unpaid]
    return found


def preview(desired: DesiredState, state: State, host: Host) -> Plan:
    """The plan as it would be now; writes nothing."""
    ledger = state.ledger()
    left = _recovered(Journal(state.journal), state)
    interrupted = _absorb(left, ledger)
    if ledger.lost:
        _presume(desired, ledger)
    asked = owed.added(desired, (*state.debts(), *_new_debts(left)))
    observed = host.observe(asked)
    _adopt(interrupted, observed, ledger)
    return planner.plan(asked, observed, ledger)


def _recovered(journal: Journal, state: State) -> list[Record]:
    """What the journal holds; what is no journal is set aside like any damaged memory."""
    try:
        left = journal.recover()
    except errors.AdminError as error:
        if error.code not in files.NOT_OURS:
            raise
        state.set_aside(state.journal)
        return []
    if journal.torn:
        state.damaged.append(f"{journal.torn} lines of the journal were torn, and passed over")
    return left


def _presume(desired: DesiredState, ledger: Ledger) -> list[str]:
    """After a loss of memory everything asked for is taken to have been here.

    So what is missing counts as gone, not as new, and nothing empty is put in its place.
    """
    keys = [resources.dataset(d.name).key for d in desired.datasets if not d.replica_of]
    keys += [resources.container(c.id).key for c in desired.containers]
    for key in keys:
        ledger.settle(key, EXISTS, "yes")
    return ["the ledger was lost: nothing that is missing now is made anew until told to"]


def _rounds(
    desired: DesiredState,
    ledger: Ledger,
    memory: tuple[Journal, Interrupted, Starts],
    host: OnTrial,
    consent_and: tuple[Consent, Circumstances, Limit, Witness, Age],
) -> Run:
    journal, interrupted, starts = memory
    consent, circumstances, limit, witness, age = consent_and
    consent = replace(consent, outdated=age.outdated)
    age.renew()
    observed = host.observe(desired)
    starts.seen(_running(observed), circumstances.clock())
    _adopt(interrupted, observed, ledger)
    found = Run(planner.plan(desired, observed, ledger), tunnels=observed.tunnels)
    tell = _once(circumstances.tell)
    rounds, over = Rounds(), False
    while not over:
        limit.look_at(found.plan)
        witness.look_at(found.plan)
        host.expect(found.plan)
        earlier = tuple(found.results.values())
        results = execute.execute(found.plan, host, journal, consent, tell, earlier=earlier)
        found.results.update({identity(result.step): result for result in results})
        happened = [result for result in results if _happened(result)]
        outdated = next((r.detail for r in results if r.code == execute.OUTDATED), "")
        if not happened and not outdated:
            break
        if outdated and outdated not in found.notes:
            found.notes.append(outdated)
        found.events += [_event(result, circumstances) for result in happened]
        for container in (r.step.container for r in happened if _tried_to_start(r)):
            starts.tried(container, circumstances.clock())
        _claim((r for r in happened if r.outcome is Outcome.DONE), ledger)
        # pct may fail after having done its work: what is seen to be so now is ours all the same.
        interrupted |= _fields(r for r in happened if r.outcome is Outcome.FAILED)
        before = found.plan
        age.renew()
        observed = host.observe(desired)
        _adopt(interrupted, observed, ledger)
        found.plan, found.tunnels = planner.plan(desired, observed, ledger), observed.tunnels
        over = rounds.over(before, happened, found.plan, outdated=bool(outdated))
        over = over or not circumstances.go_on()
    found.seen = observed
    return found


def _go_on(found: Run, again: Run) -> None:
    """Add to a run what its later rounds found."""
    found.plan, found.tunnels, found.seen = again.plan, again.tunnels, again.seen
    found.events += again.events
    found.results.update(again.results)
    found.notes += [note for note in again.notes if note not in found.notes]


def _running(observed: ObservedState) -> list[int]:
    if isinstance(observed.containers, Unknown):
        return []
    return [c.id for c in observed.containers if isinstance(c, ObservedContainer) and c.running]


def _tried_to_start(result: Result) -> bool:
    """Whether anything was started; what was refused before that is tried again at once."""
    return isinstance(result.step.action, StartContainer) and result.code not in failures.UNTRIED


def _once(tell: Callable[[Result], None]) -> Callable[[Result], None]:
    """What is left in one round is left in the next: say so once; not what is looked at again."""
    told: set[tuple[str, str, Outcome]] = set()

    def once(result: Result) -> None:
        said = (*identity(result.step), result.outcome)
        if result.code != execute.OUTDATED and (said not in told or _happened(result)):
            tell(result)
        told.add(said)

    return once


def _happened(result: Result) -> bool:
    return result.outcome in (Outcome.DONE, Outcome.FAILED)


def _event(result: Result, circumstances: Circumstances) -> Event:
    return Event(
        time=circumstances.clock().strftime(INSTANT),
        resource=result.step.resource.label,
        action=result.step.text,
        origin=result.step.origin.value,
        outcome=result.outcome.value,
        detail=result.detail,
        differences=result.step.differences,
        milliseconds=result.milliseconds,
        serial=circumstances.serial,
    )


def _claim(done: Iterable[Result], ledger: Ledger) -> None:
    for result in done:
        for difference in result.step.claimed:
            _remember(result.step.resource, difference.field, difference.desired, ledger)


def _remember(resource: Resource, field_name: str, desired: str, ledger: Ledger) -> None:
    if desired in ("absent", "inherit", "default"):
        ledger.forget(resource.key, field_name)
    else:
        ledger.claim(resource.key, field_name, desired)


def _fields(results: Iterable[Result]) -> Interrupted:
    return {(r.step.resource.key, d.field, d.desired) for r in results for d in r.step.claimed}


def _adopt(interrupted: Interrupted, observed: ObservedState, ledger: Ledger) -> None:
    """What an interrupted creation of ours left behind is ours, as soon as it is seen."""
    there = set()
    if not isinstance(observed.datasets, Unknown):
        there |= {resources.dataset(dataset.name).key for dataset in observed.datasets}
    if not isinstance(observed.containers, Unknown):
        there |= {
            resources.container(item.id).key
            for item in observed.containers
            # Half of one is nobody's yet.
            if isinstance(item, ObservedContainer) and not is_half_made(item.configuration)
        }
    for key, name, value in interrupted:
        if name == EXISTS and key in there:
            ledger.claim(key, name, value)


def _absorb(left: Iterable[Record], ledger: Ledger) -> Interrupted:
    """Steps that ended well go into the ledger; the others are looked at again."""
    interrupted = set()
    for record in left:
        for difference in record.differences:
            if record.outcome == Outcome.DONE.value:
                _remember(
                    Resource(record.key, record.key), difference.field, difference.desired, ledger
                )
            else:
                interrupted.add((record.key, difference.field, difference.desired))
    return interrupted


def _settle(plan: Plan, ledger: Ledger, interrupted: Interrupted) -> None:
    """What is as desired is remembered; what an interrupted step of ours made so is ours."""
    for settled in plan.settled:
        if (settled.key, settled.field, settled.value) in interrupted:
            ledger.claim(settled.key, settled.field, settled.value)
        else:
            ledger.settle(settled.key, settled.field, settled.value)


def _new_debts(left: Iterable[Record]) -> list[owed.Debt]:
    return [
        record.debt
        for record in left
        if record.debt is not None and record.outcome != Outcome.DONE.value
    ]


def _debts(state: State, left: Iterable[Record]) -> list[owed.Debt]:
    debts = list(dict.fromkeys((*state.debts(), *_new_debts(left))))
    state.keep_debts(debts)
    return debts


def _failed_debts(results: Iterable[Result]) -> list[owed.Debt]:
    """A call that failed may have left a lifted flag behind."""
    actions = (r.step.action for r in results if r.outcome is Outcome.FAILED)
    return [owed.protection(a.id) for a in actions if isinstance(a, SetContainer) and a.protected]


def _paid(debt: owed.Debt, desired: DesiredState, plan: Plan) -> bool:
    """Paid when seen on the host, or when the text now speaks of the option itself."""
    key = resources.container(debt.container).key
    return owed.spoken(debt, desired) or any(
        s.key == key and s.field == debt.option for s in plan.settled
    )


def _disown(paid: Iterable[owed.Debt], desired: DesiredState, ledger: Ledger) -> None:
    """What was only given back is not ours: it must not go because no text asks for it."""
    for debt in paid:
        if not owed.spoken(debt, desired):
            ledger.forget(resources.container(debt.container).key, debt.option)
