"""What a run depends on besides the host: the clock, and what the operator allowed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
import time

from offctl_agent.execute import Result


@dataclass(frozen=True, slots=True)
class Circumstances:
    """`restarts` are ids of containers that may be restarted whatever the window.

    `go_on` is asked now and then; `tell` hears of every step as it ends; `pause` waits, `elapsed`
    counts, in seconds. `serial` is the release worked towards; 0 for none. `began` is the time by
    which that was believed; without it the run begins when it begins.
    """

    clock: Callable[[], datetime]
    restarts: frozenset[int]
    go_on: Callable[[], bool]
    tell: Callable[[Result], None]
    pause: Callable[[float], None] = time.sleep
    elapsed: Callable[[], float] = time.monotonic
    serial: int = 0
    began: datetime | None = None
