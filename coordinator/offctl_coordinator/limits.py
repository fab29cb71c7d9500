"""How much one caller may ask: so many calls in a while, and so many at once.

A host whose courier has gone wild, or was taken over, must not be felt by the others. Pure but for
its own counts; the clock comes in.
"""

from collections.abc import Callable, Iterator
import contextlib
from dataclasses import dataclass, field

from offctl import errors
from offctl_coordinator.callers import Caller

# A courier that was cut off hands in all its reports at once, and there are never more than 64.
BURST = 128
PER_SECOND = 16.0
AT_ONCE = 16


class TooManyCallsError(errors.OffctlError):
    """One caller asks for more than its share."""

    code = "TOO_MANY_CALLS"


class Bucket:
    """Holds `size` calls, and gets `per_second` of them back."""

    __slots__ = ("_filled", "_left", "_per_second", "_size")

    def __init__(self, size: int, per_second: float, now: float) -> None:
        self._size = size
        self._per_second = per_second
        self._left = float(size)
        self._filled = now

    def take(self, now: float) -> bool:
        """Take one out; False when there is none."""
        self._left = min(self._size, self._left + (now - self._filled) * self._per_second)
        self._filled = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(slots=True)
class _Share:
    bucket: Bucket
    running: int = field(default=0)


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
        share = self._shares.get(caller)
        if share is None:
            share = self._shares[caller] = _Share(Bucket(BURST, PER_SECOND, now))
        if share.running >= AT_ONCE:
            raise _too_many("at once", caller)
        if not share.bucket.take(now):
            raise _too_many("in a short time", caller)
        share.running += 1
        try:
            yield
        finally:
            share.running -= 1


def _too_many(what: str, caller: Caller) -> TooManyCallsError:
    return TooManyCallsError(f"too many calls {what} by {caller.role.value} {caller.name}")
