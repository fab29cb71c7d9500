"""How long to wait before the next try: pure, randomness comes in. All times are seconds."""

from collections.abc import Callable

LONGEST = 300.0
JITTER = 0.2

Random = Callable[[], float]  # as random.random: at least 0, less than 1


def interval(seconds: float, random: Random) -> float:
    """The time until the next poll: `seconds` and up to a fifth more or less.

    Hosts that started together drift apart.
    """
    return seconds * (1 - JITTER + 2 * JITTER * random())


def back_off(failures: int, seconds: float, random: Random) -> float:
    """The time to wait after `failures` (1 or more) in a row, where `seconds` is the interval.

    Doubles from a tenth of the interval to two of them, never above LONGEST; half of it is
    random, so that a coordinator that comes back is not met by everybody at once. Two intervals
    are less than the three after which a host counts as silent.
    """
    longest = min(LONGEST, 2 * seconds)
    # The exponent is bounded before it is used: a float overflows after a thousand failures.
    grown = min(longest, seconds / 10 * 2.0 ** min(failures - 1, 16))
    return grown * (0.5 + random() / 2)
