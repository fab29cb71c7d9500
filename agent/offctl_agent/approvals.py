"""An approval: what somebody looked at and let through, used up as it is carried out. Pure.

It holds for one text and for the very differences that were shown, so that what is found later, or
found again, is not covered by it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from offctl.desired.model import DesiredState
from offctl.planner import delta
from offctl.planner.delta import Change, Touched
from offctl.planner.plan import Plan, Step
from offctl.report import Wait


@dataclass(frozen=True, slots=True)
class Approval:
    """`bundle` is the hash of the text it holds for."""

    bundle: str
    changes: frozenset[Change]


# How much of a hash is enough to name the one plan there is.
SHORT = 12

NONE = Approval("", frozenset())


def of(plan: Plan, desired: DesiredState) -> Approval:
    """The approval of exactly this plan."""
    return Approval(delta.bundle_hash(desired), frozenset(delta.changes(plan)))


def left(approval: Approval, plan: Plan, desired: DesiredState) -> Approval:
    """What of it may still be needed after a run: nothing that has been done meanwhile."""
    if approval.bundle != delta.bundle_hash(desired):
        return NONE
    return replace(approval, changes=approval.changes & frozenset(delta.changes(plan)))


class Limit:
    """What one run may touch: asked for each step of each of its plans.

    `approval` is kept in mind; what the text approves by hash is added to it.
    """

    def __init__(self, desired: DesiredState, approval: Approval) -> None:
        known = approval.bundle == delta.bundle_hash(desired)
        self.approval = approval if known else NONE
        self._desired = desired
        self._before = Touched()
        self._excess: tuple[str, ...] = ()
        self._hash = ""

    def look_at(self, plan: Plan) -> None:
        """Judge a plan, together with what earlier plans of the same run touched."""
        self._hash = delta.plan_hash(plan, self._desired)
        if self._hash in self._desired.approved:
            more = of(plan, self._desired)
            self.approval = Approval(more.bundle, self.approval.changes | more.changes)
        uncovered = [step for step in plan if not self._covered(step)]
        touched = delta.touched(uncovered, plan.unfinished) | self._before
        self._excess = delta.excess(touched, self._desired)
        if not self._excess:
            self._before = touched

    def against(self, step: Step) -> str:
        """Why a step of the plan looked at last waits; empty when it may be carried out."""
        if not self._excess or not delta.counts(step) or self._covered(step):
            return ""
        short = self._hash[:SHORT]
        return f"waits for an approval: {self.wait.reason}; `offctl-agent approve {short}`"

    @property
    def wait(self) -> Wait:
        """What is waited for; only of meaning when something is."""
        reason = "the plan touches " + " and ".join(self._excess)
        go_on = (
            f"look at `offctl-agent plan`, then `offctl-agent approve {self._hash}` on the host, "
            f"or `offctl approve {self._desired.host} {self._hash}` and a release"
        )
        return Wait("approval", f"host {self._desired.host}", "", reason, go_on)

    @property
    def waits(self) -> Iterable[Wait]:
        return (self.wait,) if self._excess else ()

    def _covered(self, step: Step) -> bool:
        wanted = list(delta.changes([step]))
        return bool(wanted) and all(change in self.approval.changes for change in wanted)
