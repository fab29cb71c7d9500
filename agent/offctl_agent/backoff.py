"""Crash loops: a container that does not stay up is started less and less often.

Remembered are the starts that were tried and have not been followed by a while of running. Values
only; when it is now comes in from outside.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

FIRST = timedelta(minutes=2)
LONGEST = timedelta(minutes=64)
# Up for this long, and what came before is forgotten.
STABLE = timedelta(minutes=10)
KEPT = 16

Times = tuple[datetime, ...]


class Starts:
    """The starts of each container that did not last, oldest first."""

    def __init__(self, times: Mapping[int, Times] | None = None) -> None:
        self._times = dict(times or {})

    def tried(self, container: int, now: datetime) -> None:
        """A start was tried, whether it failed or seemed to work."""
        self._times[container] = (*self._times.get(container, ()), now)[-KEPT:]

    def seen(self, running: Iterable[int], now: datetime) -> None:
        """These containers run now; those that have for a while are forgiven."""
        for container in running:
            times = self._times.get(container)
            if times and (now - times[-1] >= STABLE or times[-1] > now):
                del self._times[container]

    def wait(self, container: int, now: datetime) -> str:
        """Why it must not be started yet; empty when it may."""
        times = self._times.get(container, ())
        # One may have been stopped by a person, or by us in a restart that was cut off. And a time
        # to come is no time of ours: the clock was wrong then.
        if len(times) < 2 or times[-1] > now:
            return ""
        # The exponent is bounded, so that the number cannot run away.
        until = times[-1] + min(FIRST * 2 ** min(len(times) - 2, 6), LONGEST)
        if now >= until:
            return ""
        return (
            f"it was started {len(times)} times and did not stay up; tried again at "
            f"{until:%H:%M:%S} UTC, or now with `offctl-agent apply --restart {container}`"
        )

    def items(self) -> tuple[tuple[int, Times], ...]:
        """Everything remembered, by container."""
        return tuple(sorted(self._times.items()))
