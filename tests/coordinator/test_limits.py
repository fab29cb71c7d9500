"""Shares of calls, by themselves."""

import pytest

from offctl_coordinator.callers import Caller, Role
from offctl_coordinator.limits import AT_ONCE, BURST, PER_SECOND, Limits, TooManyCallsError

ONE, TWO = Caller(Role.HOST, "one"), Caller(Role.HOST, "two")


class Clock:
    time = 0.0

    def __call__(self) -> float:
        return self.time


def calls(limits: Limits, caller: Caller, count: int) -> int:
    """How many of `count` calls, one after the other, are let through."""
    through = 0
    for _ in range(count):
        try:
            with limits.taken(caller):
                through += 1
        except TooManyCallsError:
            pass
    return through


def test_a_burst_then_a_steady_share() -> None:
    clock = Clock()
    limits = Limits(clock)
    assert calls(limits, ONE, 10 * BURST) == BURST
    clock.time += 2
    assert calls(limits, ONE, BURST) == 2 * PER_SECOND
    clock.time += 10_000
    assert calls(limits, ONE, 10 * BURST) == BURST
    assert calls(limits, TWO, 10 * BURST) == BURST, "everybody has its own"
    assert calls(limits, Caller(Role.OPERATOR, "one"), 5) == 5


def test_calls_at_once_end_with_an_exception_too() -> None:
    limits = Limits(Clock())
    for _ in range(AT_ONCE + 1):
        with pytest.raises(ValueError, match="x"), limits.taken(ONE):
            raise ValueError("x")
    held = [limits.taken(ONE) for _ in range(AT_ONCE)]
    for each in held:
        each.__enter__()
    with pytest.raises(TooManyCallsError, match="at once by host one"), limits.taken(ONE):
        pass
    held[0].__exit__(None, None, None)
    assert calls(limits, ONE, 1) == 1
