"""How often a run acts and looks again, and when it is over.

A round counts unless it ran out of time and got on: it tried something that this run had not tried
before, and what is left asks for nothing that this run has done. There is an end to it: what can be
tried is a resource and one of the few words for what is done to it, a round that does not count
takes at least one of these away, and of those that count there are `ROUNDS`. A step that is asked
for again after it was done costs a counted round each time, so none is done more than `ROUNDS`
times.
"""

from collections.abc import Sequence

from offctl.planner.plan import Plan, Step
from offctl_agent.execute import Outcome, Result

# Later rounds only finish what an earlier one made possible; more would be fighting somebody.
ROUNDS = 3


def identity(step: Step) -> tuple[str, str]:
    """Which step it is, whatever the values were that it was planned with."""
    return step.resource.key, step.text


class Rounds:
    """Those of one look at the host after another, until nothing more can come of it."""

    def __init__(self) -> None:
        self._counted = 0
        self._tried: set[tuple[str, str]] = set()
        self._done: set[tuple[str, str]] = set()

    def over(self, plan: Plan, happened: Sequence[Result], left: Plan, *, outdated: bool) -> bool:
        """After a round on `plan` in which this `happened`, and after which this is `left`.

        `outdated` when some of it was not tried because the plan had become too old.
        """
        tried = {identity(result.step) for result in happened}
        done = {identity(result.step) for result in happened if result.outcome is Outcome.DONE}
        new = bool(tried - self._tried)
        self._tried |= tried
        self._done |= done
        again = any(step.action is not None and identity(step) in self._done for step in left)
        self._counted += not (outdated and new and not again)
        if left.empty or self._counted >= ROUNDS:
            return True
        # What was done has come to nothing, or there was nothing to do.
        return left.digest == plan.digest and (bool(done) or not outdated)
