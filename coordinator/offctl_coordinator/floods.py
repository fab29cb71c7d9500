"""Whoever begins calls faster than answers could ever be of use loses its connections for a while.

Even a call that is reset at once (CVE-2023-44487) costs its bit of the one event loop, and gRPC
1.51 has nothing against that. Counted is what begins, by certificate, before anything else is
looked at. Pure but for its counts; the clock comes in.
"""

from collections.abc import Callable, Mapping
import logging

from offctl.messages import Message
from offctl_coordinator.limits import Bucket

# More than limits.py lets through: a client that is only wild is told so, and keeps its
# connection.
BURST = 256
PER_SECOND = 32.0

logger = logging.getLogger(__name__)


class Floods:
    """Counts for each certificate; they are as few as were ever pinned while we run."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        """For `seconds` handshakes fail; `clock` gives seconds and never goes back."""
        self._seconds = seconds
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}
        # Replaced, never changed: gRPC's own threads read it.
        self._out: Mapping[str, float] = {}

    def begun(self, fingerprint: str, peer: str) -> bool:
        """Count a call; True when its connection has to be closed. `peer` is for the log."""
        now = self._clock()
        if self._out.get(fingerprint, now) > now:
            return True
        bucket = self._buckets.get(fingerprint)
        if bucket is None:
            bucket = self._buckets[fingerprint] = Bucket(BURST, PER_SECOND, now)
        if bucket.take(now):
            return False
        still = {one: until for one, until in self._out.items() if until > now}
        self._out = {**still, fingerprint: now + self._seconds}
        logger.warning(
            "certificate %s at %s begins calls without end; it is kept out for %d s",
            fingerprint,
            peer,
            self._seconds,
            extra=Message.FLOOD.fields(),
        )
        return True

    def out(self) -> frozenset[str]:
        """The fingerprints that are kept out now."""
        now = self._clock()
        return frozenset(one for one, until in self._out.items() if until > now)
