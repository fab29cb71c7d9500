"""How calls went, for whoever counts them; the door tells, and does not know who listens."""

from types import TracebackType
from typing import Protocol

OK = "OK"
CANCELLED = "CANCELLED"


class Counting(Protocol):
    """Hears of every call. Each method MUST be quick and MUST NOT fail."""

    def begun(self, method: str) -> None:
        """A call of a stream; it ends with `ended`."""
        ...

    def ended(self, method: str, code: str, seconds: float, *, stream: bool) -> None:
        """A call ended with this status of gRPC, so many seconds after it came in."""
        ...


class Uncounted:
    """Nobody counts."""

    def begun(self, method: str) -> None:
        """Nothing."""

    def ended(self, method: str, code: str, seconds: float, *, stream: bool) -> None:
        """Nothing."""


class Call:
    """One call from when it comes in until it is answered; a context manager around its handler.

    Whoever answers it with an error sets `code`.
    """

    __slots__ = ("_clock", "_counting", "_since", "_stream", "code", "method")

    def __init__(self, method: str, counting: Counting, clock: "Clock", *, stream: bool) -> None:
        self.method = method
        self.code = OK
        self._counting = counting
        self._clock = clock
        self._stream = stream
        self._since = clock()

    def __enter__(self) -> "Call":
        if self._stream:
            self._counting.begun(self.method)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Hung up by the caller, or ended with the server: both cancel, or close the generator.
        if kind is not None and not issubclass(kind, Exception):
            self.code = CANCELLED
        seconds = self._clock() - self._since
        self._counting.ended(self.method, self.code, seconds, stream=self._stream)


class Clock(Protocol):
    """Seconds, which never go back."""

    def __call__(self) -> float: ...
