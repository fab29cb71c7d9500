"""How much one caller may ask: so many calls in a while, and so many at once.

A host whose courier has gone wild, or was taken over, must not be felt by the others. Pure but for
its own counts; the clock comes in.
"""

from collections.abc import Callable, Iterator
import contextlib
from dataclasses import dataclass

from offctl import errors
from offctl_coordinator.callers import Caller

# A courier that was cut off hands in all its reports at once, and there are never more than 64.
BURST = 128
PER_SECOND = 16.0
AT_ONCE = 16


class TooManyCallsError(errors.OffctlError):
    """One caller asks for more than its share."""

    code = "TOO_MANY_CALLS"


@dataclass(slots=True)
class _Share:
    left: float
    filled: float
    running: int = 0


class Limits:
    """The shares of all callers; they are as few as there are pinned certificates."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds and never goes back."""
        self._clock = clock
        self._shares: dict[Caller, _Share] = {}

    @contextlib.contextmanager
    def taken(self, caller: Caller) -> Iterator[None]:
        """One call of `caller`, for as long as it lasts. Raises TooManyCallsError."""
        now = self._clock()
        share = self._shares.setdefault(caller, _Share(BURST, now))
        share.left = min(BURST, share.left + (now - share.filled) * PER_SECOND)
        share.filled = now
        if share.left < 1 or share.running >= AT_ONCE:
            what = "at once" if share.running >= AT_ONCE else "in a short time"
            raise TooManyCallsError(f"too many calls {what} by {caller.role.value} {caller.name}")
        share.left -= 1
        share.running += 1
        try:
            yield
        finally:
            share.running -= 1
