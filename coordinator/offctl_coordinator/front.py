"""What listens in front of the gRPC server and hands it the bytes, slowly enough.

gRPC 1.51 reads from a connection for as long as there is something to read, and delivers no event
of any other while it does: whoever sends faster than it can work has it for itself. So nobody does.
And gRPC has no word for hanging up on one of its callers; here there is one. TLS passes through
untouched: who a caller is, is judged behind.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
import contextlib
from dataclasses import dataclass
import logging
from pathlib import Path

from offctl import errors
from offctl_coordinator import passing, sockets
from offctl_coordinator.crowd import BOUNDS, Bounds, Crowd, Guest
from offctl_coordinator.pace import Flows, Pace, source
from offctl_coordinator.passing import Streams

# What a caller does not take within gRPC's own keepalive (60 seconds and 20 more) it never will.
STALLED = 80.0
# Turns of the loop: what was accepted before we stopped shows itself, what was aborted is closed.
LAST_TURNS = 5
# Seconds between two complaints.
QUIET = 60.0
GONE = "a connection that is gone"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Caller:
    guest: Guest
    told: str


class Front:
    """The connections of a server; told apart by what gRPC calls their other end."""

    def __init__(
        self,
        pace: Pace,
        clock: Callable[[], float],
        bounds: Bounds = BOUNDS,
        *,
        stalled: float = STALLED,
    ) -> None:
        """`clock` gives seconds and never goes back; `stalled` is how many nothing may be taken."""
        self._clock = clock
        self._stalled = stalled
        self._flows = Flows(pace, clock)
        self._crowd = Crowd(bounds)
        self._callers: dict[str, _Caller] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._inner = Path()
        self._complained: dict[str, float] = {}
        self._closed = False

    @contextlib.asynccontextmanager
    async def listening(self, listen: str) -> AsyncIterator[str]:
        """Have that address (port 0: any) while the context lasts; gives the real one.

        Raises AdminError when it cannot be had.
        """
        try:
            server, host = await sockets.listen(self._met, listen)
        except (OSError, OverflowError, ValueError):
            raise errors.AdminError(
                f"cannot listen on {listen}: the address is in use or not ours",
                hint="set `listen` in coordinator.toml; `ss -ltnp` shows who has the port",
            ) from None
        self._server = server
        try:
            yield f"{host}:{server.sockets[0].getsockname()[1]}"
        finally:
            self.shut()
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            for _ in range(LAST_TURNS):
                await asyncio.sleep(0)

    async def open(self, inner: Path) -> None:
        """Let in, to the server that has this socket."""
        assert self._server, "nobody is listening"
        self._inner = inner
        await self._server.start_serving()

    def shut(self) -> None:
        """Take nobody in any more."""
        assert self._server, "nobody is listening"
        self._closed = True
        self._server.close()

    def who(self, peer: str) -> str:
        """Where a caller really is, for the log."""
        caller = self._callers.get(peer)
        return caller.told if caller else GONE

    def vouch(self, peer: str, certificate: str) -> None:
        """A call came from it by this certificate, which was pinned: it is no stranger."""
        caller = self._callers.get(peer)
        if caller:
            self._crowd.vouch(caller.guest, certificate)

    def hang_up(self, peer: str) -> None:
        """Close the connection of a caller; nothing more of it is passed on."""
        caller = self._callers.pop(peer, None)
        if caller:
            caller.guest.hang_up()

    def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = writer.get_extra_info("peername")
        if self._closed or not name:
            writer.transport.abort()
            return
        streams = [(reader, writer)]
        guest = Guest(source(name[0]), lambda: _end(streams, task))
        task = asyncio.ensure_future(self._serve(guest, sockets.told(name), streams))
        self._running.add(task)
        task.add_done_callback(lambda _: self._left(guest, task, streams))
        if not self._crowd.enter(guest):
            self._complain("cannot take a connection", f"too many are open, also of {guest.where}")
            guest.hang_up()

    def _left(self, guest: Guest, task: asyncio.Task[None], streams: list[Streams]) -> None:
        self._crowd.leave(guest)
        self._running.discard(task)
        # One that is cancelled before it began has closed nothing.
        for _, writer in streams:
            writer.transport.abort()

    async def _serve(self, guest: Guest, told: str, streams: list[Streams]) -> None:
        peer = ""
        try:
            peer, inner = await sockets.connect(self._inner)
            streams.append(inner)
            self._callers[peer] = _Caller(guest, told)
            line = self._flows.of(guest.where).line()
            await passing.both_ways(streams[0], inner, line.admit, self._stalled)
        except OSError as error:
            self._complain("cannot pass a connection on", error.strerror or str(error))
        finally:
            self._callers.pop(peer, None)
            await passing.close([writer for _, writer in streams])

    def _complain(self, what: str, why: str) -> None:
        """In the log, but whoever makes it happen does not fill the log."""
        now = self._clock()
        if now - self._complained.get(what, -QUIET) >= QUIET:
            self._complained[what] = now
            logger.warning("%s: %s", what, why)


def _end(streams: list[Streams], task: asyncio.Task[None]) -> None:
    for _, writer in streams:
        writer.transport.abort()
    task.cancel()
