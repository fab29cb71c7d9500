"""Plans in words and as JSON values, alike wherever a plan is shown; nothing here decides."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from offctl.planner import commands
from offctl.planner.plan import Effect, Finding, Origin, Plan, Step
from offctl.text import visible

MARKS = {Effect.BLOCKED: "!", Effect.RESTART: "↻", Effect.RELOAD: "~", Effect.ONLINE: "+"}


def step_lines(step: Step) -> Iterator[str]:
    """One step for people: what, why, before and after, and the exact commands."""
    yield f"{MARKS[step.effect]} {step.resource.label}: {step.text}  [{_words(step)}]"
    for difference in step.differences:
        yield visible(f"    {difference.field}: {difference.observed} → {difference.desired}")
    if step.reason:
        yield visible(f"    cannot: {step.reason}")
    if step.action is not None:
        yield from (visible(f"    $ {line}") for line in commands.shown(step.action))


def finding_line(finding: Finding) -> str:
    """What no step is about."""
    return visible(f"? {finding.resource.label}: {finding.state}: {finding.reason}")


def summary(plan: Plan) -> str:
    """The counts in one line."""
    if plan.empty:
        return f"nothing to do: {plan.resources} resources are as desired" + _aside(plan)
    parts = [f"{plan.count(effect)} {effect.value}" for effect in Effect if plan.count(effect)]
    drift = f"; {plan.corrective} undo what somebody changed" if plan.corrective else ""
    return f"{len(plan.steps)} to do: {', '.join(parts)}{drift}" + _aside(plan)


def step_json(step: Step) -> dict[str, Any]:
    """One step as a JSON object; keys are stable."""
    return {
        "resource": step.resource.label,
        "key": step.resource.key,
        "text": step.text,
        "effect": step.effect.value,
        "origin": step.origin.value,
        "reason": step.reason,
        "audited": step.audited,
        "differences": [asdict(difference) for difference in step.differences],
        "commands": [] if step.action is None else list(commands.shown(step.action)),
    }


def finding_json(finding: Finding) -> dict[str, Any]:
    """One finding as a JSON object; keys are stable."""
    return {
        "resource": finding.resource.label,
        "state": finding.state,
        "reason": finding.reason,
    }


def _aside(plan: Plan) -> str:
    words = []
    for state in ("unknown", "drift", "orphan", "unmanaged"):
        count = sum(finding.state == state for finding in plan.findings)
        if count:
            words.append(f"{count} {state}")
    return f" ({', '.join(words)})" if words else ""


def _words(step: Step) -> str:
    why = "drift: somebody changed it" if step.origin is Origin.CORRECTIVE else "wanted"
    audited = ", audit" if step.audited else ""
    return f"{step.effect.value}, {why}{audited}"
