"""What was changed on the host without being asked: noticed once, told with who did it.

A run looks before it does anything. What differs and once was right is new when it was not left
over from the run before; only then is it asked who did it, which may cost a process for each pool.
What changes while a run goes on shows in the next one; what a step of ours that was interrupted may
have left is nobody's doing.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from offctl.planner.actions import RestartContainer
from offctl.planner.ledger import EXISTS, Ledger
from offctl.planner.plan import Origin, Plan, Resource
from offctl.report import Difference, Unasked
from offctl.tables import INSTANT
from offctl_agent import blame
from offctl_agent.host.protocol import Host
from offctl_agent.host.traces import Trace, Traces
from offctl_agent.state import State
from offctl_agent.unasked import Known, Sight

# Without a look that is known, nothing older than this is told as its cause.
LONGEST = timedelta(days=1)

Found = dict[Sight, tuple[Resource, Difference]]


class Witness:
    """Looks at the first plan of a run and at its last; `found` is what was new."""

    def __init__(
        self,
        host: Host,
        state: State,
        ledger: Ledger,
        clock: Callable[[], datetime],
        interrupted: Iterable[str],
    ) -> None:
        """`interrupted` are the keys of resources that a step of ours was at when it was killed."""
        self.found: tuple[Unasked, ...] = ()
        self._host = host
        self._state = state
        self._ledger = ledger
        self._clock = clock
        self._interrupted = frozenset(interrupted)
        self._looked = False

    def look_at(self, plan: Plan) -> None:
        """Note what somebody changed, durably, before it is repaired. Raises AdminError."""
        if self._looked:
            return
        self._looked = True
        known = self._state.unasked()
        seen = self._corrective(plan)
        new = {sight: what for sight, what in seen.items() if sight not in known.open}
        if new:
            self.found = tuple(self._told(new))
            lately = (*known.lately, *self.found)
            self._state.keep_unasked(Known(frozenset(seen), lately))

    def left(self, plan: Plan) -> None:
        """Note what is left at the end: that is not new in the next run. Raises AdminError."""
        known = self._state.unasked()
        still = frozenset(self._corrective(plan))
        if still != known.open:
            self._state.keep_unasked(Known(still, known.lately))

    def _corrective(self, plan: Plan) -> Found:
        found: Found = {}
        for step in plan:
            # A restart brings into effect what is written; who wrote it is told by that.
            if isinstance(step.action, RestartContainer):
                continue
            key = step.resource.key
            gone = [d for d in step.differences if d.field == EXISTS]
            for difference in gone or step.differences:
                origin = self._ledger.origin(key, difference.field, difference.desired)
                if origin is Origin.CORRECTIVE and key not in self._interrupted:
                    sight = (key, difference.field, difference.observed)
                    found[sight] = (step.resource, difference)
        return found

    def _told(self, new: Found) -> Iterator[Unasked]:
        now, since = self._clock(), self._state.looked()
        # One that lies ahead was written by a clock that was wrong then, or is wrong now.
        after = since if since is not None and since <= now else now - LONGEST
        traces = self._traces({key for key, _, _ in new}, after)
        for (key, _, _), (resource, difference) in new.items():
            trace, untold = blame.find(key, difference, traces.found, after, now)
            if trace is None and traces.unread and (blame.container(key) or blame.dataset(key)):
                untold = "; ".join(traces.unread)
            yield _unasked(resource, difference, trace, untold, (since, now))

    def _traces(self, keys: set[str], after: datetime) -> Traces:
        asked = any(blame.container(key) for key in keys)
        return self._host.traces(after, tasks=asked, pools=tuple(sorted(blame.pools(keys))))


def _unasked(
    resource: Resource,
    difference: Difference,
    trace: Trace | None,
    untold: str,
    times: tuple[datetime | None, datetime],
) -> Unasked:
    since, now = times
    return Unasked(
        resource=resource.label,
        field=difference.field,
        observed=difference.observed,
        desired=difference.desired,
        since=since.strftime(INSTANT) if since else "",
        found=now.strftime(INSTANT),
        time=trace.time.strftime(INSTANT) if trace else "",
        who=trace.who if trace else "",
        how=trace.how if trace else "",
        untold=untold,
    )
