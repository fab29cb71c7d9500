"""How fast bytes may come from one source, and which of its connections goes first.

Who is behind one address shares its pace, strangers too: so those go first who want least, and
nobody is kept waiting by one who wants much.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
import heapq
import ipaddress
import itertools
import weakref

# With so many, those that are idle are looked for.
SOURCES = 1024


@dataclass(frozen=True, slots=True)
class Pace:
    """So many bytes at once, then so many in a second; for each source address.

    What a host sends in an hour fits into the first, and the largest release there may be takes
    less than `Patience.call` at the second; so does what 10,000 hosts behind one address send.
    A call that is begun and reset takes some 30 bytes.
    """

    burst: int = 64 * 1024
    per_second: int = 256 * 1024


PACE = Pace()


class Flow:
    """What one source may still send. It is in debt by one chunk at most, whoever comes.

    Each chunk has its place on a scale of bytes: behind what its connection sent before, and behind
    what everybody could have sent by now if all who wait took turns byte by byte. The first on the
    scale is let through (weighted fair queueing), so a call of a few hundred bytes waits neither
    for the megabytes beside it nor for the many who send them.
    """

    __slots__ = ("_clock", "_left", "_lines", "_number", "_pace", "_reached", "_since", "_waiting")

    def __init__(self, pace: Pace, clock: Callable[[], float]) -> None:
        self._pace = pace
        self._clock = clock
        self._left = float(pace.burst)
        self._since = clock()
        self._reached = 0.0
        self._lines: weakref.WeakSet[Line] = weakref.WeakSet()
        self._number = itertools.count()
        self._waiting: list[tuple[float, int, int, asyncio.Future[None]]] = []

    def line(self) -> "Line":
        """For one more connection."""
        line = Line(self)
        self._lines.add(line)
        return line

    async def admit(self, place: float, size: int) -> float:
        """Come back when so many bytes may be passed on; `place` is how far their connection is.

        Gives how far it is then.
        """
        place = max(place, self._reached) + size
        admitted = asyncio.get_running_loop().create_future()
        first = not self._waiting
        heapq.heappush(self._waiting, (place, next(self._number), size, admitted))
        if first:
            self._let_through()
        await admitted
        return place

    def idle(self) -> bool:
        """Whether forgetting it would change nothing."""
        return not self._lines and self._wait() == 0 and self._left >= self._pace.burst

    def _let_through(self) -> None:
        """Those whose turn it is; comes again for as long as somebody waits."""
        while self._waiting:
            wait = self._wait()
            if wait:
                asyncio.get_running_loop().call_later(wait, self._let_through)
                return
            sharing = len(self._waiting)
            place, _, size, admitted = heapq.heappop(self._waiting)
            if not admitted.done():
                self._left -= size
                self._reached += size / sharing
                admitted.set_result(None)
            if not self._waiting:
                # Nobody is behind: whoever comes next begins where the last one ended.
                self._reached = max(self._reached, place)

    def _wait(self) -> float:
        """Seconds until there is no debt."""
        now = self._clock()
        gained = (now - self._since) * self._pace.per_second
        self._left = min(self._pace.burst, self._left + gained)
        self._since = now
        return max(0.0, -self._left / self._pace.per_second)


class Line:
    """One connection of a source."""

    __slots__ = ("__weakref__", "_flow", "_place")

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._place = 0.0

    async def admit(self, size: int) -> None:
        """Come back when so many bytes of it may be passed on; one at a time."""
        self._place = await self._flow.admit(self._place, size)


class Flows:
    """The flows of all sources; one that is idle may be forgotten."""

    def __init__(self, pace: Pace, clock: Callable[[], float]) -> None:
        self._pace = pace
        self._clock = clock
        self._flows: dict[str, Flow] = {}
        self._many = SOURCES

    def of(self, where: str) -> Flow:
        if len(self._flows) >= self._many:
            self._flows = {key: flow for key, flow in self._flows.items() if not flow.idle()}
            self._many = max(SOURCES, 2 * len(self._flows))
        flow = self._flows.get(where)
        if flow is None:
            flow = self._flows[where] = Flow(self._pace, self._clock)
        return flow


def source(host: str) -> str:
    """One spelling of an address; whoever has an IPv6 network has all of its addresses."""
    address = plain(host)
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))


def plain(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address without zone, an IPv4 one as such wherever it stood."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
