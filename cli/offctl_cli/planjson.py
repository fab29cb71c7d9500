"""What publishing would do, for programs; offctl(1) documents the keys."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from offctl.planner import wording
from offctl.planner.plan import Effect
from offctl.tables import INSTANT
from offctl_cli.affected import Neighbours
from offctl_cli.foreseeing import HostPlan

SCHEMA = 1


def document(
    site: str, plans: tuple[HostPlan, ...], around: Neighbours, now: datetime, status: int
) -> dict[str, Any]:
    """One object; keys are stable."""
    return {
        "schema": SCHEMA,
        "site": site,
        "exit": status,
        "counts": {effect.value: sum(p.count(effect) for p in plans) for effect in Effect},
        "hosts": [_host(plan, around, now) for plan in plans],
    }


def _host(plan: HostPlan, around: Neighbours, now: datetime) -> dict[str, Any]:
    seen, foreseen = plan.seen, plan.foreseen
    return {
        "host": plan.desired.host,
        "serial": seen.serial,
        "observed": None if seen.at is None else seen.at.strftime(INSTANT),
        "age_seconds": None if seen.at is None else max(0, int((now - seen.at).total_seconds())),
        "changed_since": seen.moved,
        "untold": seen.untold,
        "digest": "" if foreseen is None else foreseen.plan.digest,
        "plan_hash": plan.plan_hash,
        "resources": 0 if foreseen is None else foreseen.plan.resources,
        "notes": list(plan.notes(now)),
        "steps": [
            {**wording.step_json(step), "affects": list(around.of_step(plan.desired, step))}
            for step in plan.steps
        ],
        "later": [
            {
                "resource": later.resource.label,
                "key": later.resource.key,
                "text": later.text,
                "effect": later.effect.value,
                "affects": list(around.of_later(plan.desired, later)),
            }
            for later in plan.later
        ],
        "findings": [wording.finding_json(finding) for finding in plan.findings],
        "unknown": [{**asdict(f.resource), "reason": f.reason} for f in plan.unknown],
    }
