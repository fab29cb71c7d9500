"""What publishing would do, for people: as text, and as Markdown for a merge request."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from offctl.planner import wording
from offctl.planner.foresight import Later
from offctl.planner.plan import Effect, Step
from offctl.tables import INSTANT
from offctl.text import visible
from offctl_cli.affected import Neighbours
from offctl_cli.foreseeing import HostPlan

# Observations older than this many seconds may well be wrong by now.
OLD = 600


def lines(plans: Iterable[HostPlan], around: Neighbours, now: datetime) -> Iterator[str]:
    """Every host with what there is to do on it; the others in one line each."""
    for plan in plans:
        yield heading(plan, now)
        yield from (visible(f"  {note}") for note in plan.notes(now))
        for step in plan.steps:
            yield ""
            yield from (f"  {line}" for line in wording.step_lines(step))
            yield from _affects(around.of_step(plan.desired, step))
        yield from _tail(plan, around)
        if plan.steps or plan.unknown or plan.findings:
            yield ""


def _tail(plan: HostPlan, around: Neighbours) -> Iterator[str]:
    if plan.later:
        yield ""
    for later in plan.later:
        yield f"  {then(later)}"
        yield from _affects(around.of_later(plan.desired, later))
    if plan.findings or plan.unknown:
        yield ""
    yield from (f"  {wording.finding_line(finding)}" for finding in plan.findings)
    for finding in plan.unknown:
        yield visible(f"  ? cannot be known: {finding.resource.label}: {finding.reason}")


def _affects(whom: tuple[str, ...]) -> Iterator[str]:
    if whom:
        yield visible(f"      affects: {', '.join(dict.fromkeys(whom))}")


def then(later: Later) -> str:
    """What follows, in one line."""
    mark = wording.MARKS[later.effect]
    return visible(f"{mark} then {later.resource.label}: {later.text}  [{later.effect.value}]")


def heading(plan: HostPlan, now: datetime) -> str:
    """The host, how old what is known of it is, and how much there is to do."""
    if plan.shown is None:
        return visible(f"{plan.desired.host}: cannot be foreseen: {plan.seen.untold}")
    return visible(f"{plan.desired.host}: {wording.summary(plan.shown.plan)}; {age(plan, now)}")


def age(plan: HostPlan, now: datetime) -> str:
    """When the host saw what the plan is made from."""
    if plan.seen.at is None:
        return "never seen"
    seconds = max(0, int((now - plan.seen.at).total_seconds()))
    said = f"seen {_ago(seconds)} ago ({plan.seen.at.strftime(INSTANT)})"
    if plan.seen.moved:
        return f"{said}, and it may have changed since"
    return f"{said}: old, look whether the host is well" if seconds > OLD else said


def _ago(seconds: int) -> str:
    for size, word in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {word}"
    return f"{seconds} s"


def closing(plans: tuple[HostPlan, ...]) -> str:
    """All hosts in one line."""
    counts = [(effect, sum(plan.count(effect) for plan in plans)) for effect in Effect]
    told = [f"{count} {effect.value}" for effect, count in counts if count]
    busy = sum(bool(plan.steps) for plan in plans)
    what = f"{', '.join(told)} on {busy} of {_hosts(len(plans))}" if told else "nothing to do"
    audited = sum(plan.audited for plan in plans)
    what += f"; {audited} only reported (audit)" if audited else ""
    unknown = sum(len(plan.unknown) for plan in plans)
    blind = sum(plan.foreseen is None for plan in plans)
    what += f"; {unknown} cannot be known" if unknown else ""
    what += f"; nothing is known of {_hosts(blind)}" if blind else ""
    return f"plan: {what}"


def _hosts(count: int) -> str:
    return f"{count} host{'s' * (count != 1)}"


def markdown(plans: tuple[HostPlan, ...], around: Neighbours, now: datetime) -> Iterator[str]:
    """The same to be pasted below a merge request."""
    yield f"**{closing(plans)}**"
    for plan in plans:
        yield ""
        if not plan.steps and not plan.unknown and not plan.findings:
            yield f"* {_escaped(heading(plan, now))}"
            continue
        yield f"### {_escaped(heading(plan, now))}"
        yield from (f"* {_escaped(note)}" for note in plan.notes(now))
        if plan.steps or plan.later:
            yield ""
            yield "| | what | change | affects |"
            yield "|---|---|---|---|"
        for step in plan.steps:
            yield _row(step, around.of_step(plan.desired, step))
        for later in plan.later:
            whom = ", ".join(around.of_later(plan.desired, later))
            yield f"| {later.effect.value} | {_escaped(then(later))} | | {_escaped(whom)} |"
        yield from _commands(plan)
        for finding in (*plan.findings, *plan.unknown):
            yield f"* {_escaped(wording.finding_line(finding))}"


def _row(step: Step, whom: tuple[str, ...]) -> str:
    changes = "<br>".join(
        _escaped(f"{d.field}: {d.observed} → {d.desired}") for d in step.differences
    )
    reason = f"<br>cannot: {_escaped(step.reason)}" if step.reason else ""
    audited = ", audit" if step.audited else ""
    what = _escaped(f"{step.resource.label}: {step.text}")
    shown = _escaped(", ".join(dict.fromkeys(whom)))
    return f"| {step.effect.value}{audited} | {what} | {changes}{reason} | {shown} |"


def _commands(plan: HostPlan) -> Iterator[str]:
    told = [line for step in plan.steps for line in wording.step_json(step)["commands"]]
    if told:
        yield ""
        yield "<details><summary>commands</summary>"
        yield ""
        # Four spaces: no fence that a value could close.
        yield from (f"    {visible(line)}" for line in told)
        yield ""
        yield "</details>"
        yield ""


def _escaped(text: str) -> str:
    """Text of hosts and of the site that must not become markup."""
    shown = visible(text)
    for mark in "\\`*_[]<>|#":
        shown = shown.replace(mark, f"\\{mark}")
    return shown
