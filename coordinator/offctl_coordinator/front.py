"""What listens in front of the gRPC server and hands it the bytes, slowly enough.

gRPC 1.51 reads from a connection for as long as there is something to read, and delivers no event
of any other while it does: whoever sends faster than it can work has it for itself. So nobody does.
And gRPC has no word for hanging up on one of its callers; here there is one. TLS passes through
untouched: who a caller is, is judged behind.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
import contextlib
from dataclasses import dataclass
import ipaddress
import socket

from offctl import errors

CHUNK = 16 * 1024
# What was said last still goes out, to those who take it.
FAREWELL_SECONDS = 1.0
# Turns of the loop: what was accepted before we stopped shows itself, what was aborted is closed.
LAST_TURNS = 5
MAX_SOURCES = 1024

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Pace:
    """So many bytes at once, then so many in a second; for each source address.

    What a host sends in an hour fits into the first, and the largest release there may be takes
    less than `Patience.call` at the second. A call that is begun and reset takes some 30 bytes.
    """

    burst: int = 64 * 1024
    per_second: int = 256 * 1024


PACE = Pace()


class Flow:
    """What one source may still send; it may go into debt by a chunk and then has to wait."""

    __slots__ = ("_clock", "_left", "_pace", "_since")

    def __init__(self, pace: Pace, clock: Callable[[], float]) -> None:
        self._pace = pace
        self._clock = clock
        self._left = float(pace.burst)
        self._since = clock()

    def spend(self, size: int) -> float:
        """Note that so many bytes came; how many seconds to wait before the next."""
        now = self._clock()
        gained = (now - self._since) * self._pace.per_second
        self._left = min(self._pace.burst, self._left + gained) - size
        self._since = now
        return max(0.0, -self._left / self._pace.per_second)

    def idle(self) -> bool:
        """Whether forgetting it would change nothing."""
        return self.spend(0) == 0 and self._left >= self._pace.burst


class Front:
    """The connections of a server; told apart by what gRPC calls their other end."""

    def __init__(self, pace: Pace, clock: Callable[[], float]) -> None:
        """`clock` gives seconds and never goes back."""
        self._pace = pace
        self._clock = clock
        self._flows: dict[str, Flow] = {}
        self._callers: dict[str, asyncio.StreamWriter] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._inner = 0
        self._closed = False

    @contextlib.asynccontextmanager
    async def listening(self, listen: str) -> AsyncIterator[str]:
        """Have that address (port 0: any) while the context lasts; gives the real one.

        Raises AdminError when it cannot be had.
        """
        host, _, port = listen.rpartition(":")
        try:
            server = self._server = await _listen(self._met, host.strip("[]"), int(port))
        except (OSError, OverflowError, UnicodeError):
            raise errors.AdminError(
                f"cannot listen on {listen}: the address is in use or not ours",
                hint="set `listen` in coordinator.toml; `ss -ltnp` shows who has the port",
            ) from None
        try:
            yield f"{host}:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            self._closed = True
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            for _ in range(LAST_TURNS):
                await asyncio.sleep(0)

    async def open(self, inner: int) -> None:
        """Let in, to the server that has this port of loopback."""
        assert self._server, "nobody is listening"
        self._inner = inner
        await self._server.start_serving()

    def who(self, peer: str) -> str:
        """Where a caller really is, for the log."""
        writer = self._callers.get(peer)
        return _told(writer.get_extra_info("peername")) if writer else peer

    def hang_up(self, peer: str) -> None:
        """Close the connection of a caller; nothing more of it is passed on."""
        writer = self._callers.pop(peer, None)
        if writer:
            writer.transport.abort()

    def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closed:
            writer.transport.abort()
            return
        task = asyncio.ensure_future(self._serve((reader, writer)))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _serve(self, outer: _Streams) -> None:
        peer = ""
        streams = [outer]
        try:
            inner = await asyncio.open_connection("127.0.0.1", self._inner, limit=CHUNK)
            streams.append(inner)
            peer = "ipv4:" + _told(inner[1].get_extra_info("sockname"))
            self._callers[peer] = outer[1]
            flow = self._flow(outer[1].get_extra_info("peername"))
            await _either(_pump(outer[0], inner[1], flow.spend), _pump(inner[0], outer[1]))
        except OSError:
            pass  # it ended, whatever the reason
        finally:
            self._callers.pop(peer, None)
            await _close([writer for _, writer in streams])

    def _flow(self, name: tuple[str, int] | None) -> Flow:
        where = source(name[0]) if name else ""
        if len(self._flows) >= MAX_SOURCES:
            self._flows = {key: flow for key, flow in self._flows.items() if not flow.idle()}
        flow = self._flows.get(where)
        if flow is None:
            flow = self._flows[where] = Flow(self._pace, self._clock)
        return flow


async def _listen(
    met: Callable[[asyncio.StreamReader, asyncio.StreamWriter], None], host: str, port: int
) -> asyncio.Server:
    if host != "::":
        return await asyncio.start_server(met, host, port, limit=CHUNK, start_serving=False)
    # Both families, as everywhere else.
    both = socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=True)
    return await asyncio.start_server(met, sock=both, limit=CHUNK, start_serving=False)


async def _pump(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    spend: Callable[[int], float] = lambda _: 0.0,
) -> None:
    while chunk := await reader.read(CHUNK):
        writer.write(chunk)
        await writer.drain()
        wait = spend(len(chunk))
        if wait:
            await asyncio.sleep(wait)


async def _either(*ways: Coroutine[None, None, None]) -> None:
    """Both ways, until one of them ends."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _close(writers: list[asyncio.StreamWriter]) -> None:
    # Not a task for each: one that is cancelled before it began would close nothing.
    for writer in writers:
        writer.close()
    closed = (writer.wait_closed() for writer in writers)
    try:
        async with asyncio.timeout(FAREWELL_SECONDS):
            await asyncio.gather(*closed, return_exceptions=True)
    except TimeoutError:
        pass
    finally:
        for writer in writers:
            writer.transport.abort()


def source(host: str) -> str:
    """One spelling of an address; whoever has an IPv6 network has all of its addresses."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def _told(name: tuple[str, int] | None) -> str:
    return f"{name[0]}:{name[1]}" if name else "nowhere"
