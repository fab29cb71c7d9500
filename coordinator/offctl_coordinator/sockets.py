"""The sockets of the front: those others connect to, and those to the server behind."""

import asyncio
from collections.abc import Callable, Iterator
import contextlib
import fcntl
import ipaddress
import os
from pathlib import Path
import socket
import tempfile
import time

from offctl_coordinator import pace
from offctl_coordinator.passing import CHUNK, Streams

# As many as come at once after a restart; whoever is not among them is back within a second.
BACKLOG = 1024
# The server behind has a queue of its own, of what the kernel allows.
CONNECT_SECONDS = 10.0
_TURN = 0.05

_Met = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]


async def listen(met: _Met, address: str) -> tuple[asyncio.Server, str]:
    """Have `HOST:PORT`, taking nobody yet; gives the host as it is. Raises OSError, ValueError.

    All addresses of IPv6 means those of IPv4 too, as everywhere else; without IPv6, those alone.
    """
    host, _, port = address.rpartition(":")
    if not _is_all_of_ipv6(host.strip("[]")):
        server = await asyncio.start_server(
            met, host.strip("[]"), int(port), limit=CHUNK, backlog=BACKLOG, start_serving=False
        )
        return server, host
    if socket.has_dualstack_ipv6():
        both = socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True)
    else:
        host, both = "0.0.0.0", socket.create_server(("0.0.0.0", int(port)))  # noqa: S104
    server = await asyncio.start_server(
        met, sock=both, limit=CHUNK, backlog=BACKLOG, start_serving=False
    )
    return server, host


def _is_all_of_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host) == ipaddress.IPv6Address("::")
    except ValueError:
        return False


async def connect(path: Path) -> tuple[str, Streams]:
    """A connection to the server at `path`, and what gRPC calls our end of it. Raises OSError."""
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        end.setblocking(False)
        # Little of what was passed on is still on its way when somebody is hung up on.
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, CHUNK)
        # A name of its own from the kernel, by which the server can tell it from the others.
        end.bind("")
        await _connected(end, path)
        name = end.getsockname()
    except BaseException:
        end.close()
        raise
    streams = await asyncio.open_unix_connection(sock=end, limit=CHUNK)
    streams[1].transport.set_write_buffer_limits(high=CHUNK)
    return f"unix-abstract:{name[1:].decode('ascii')}", streams


async def _connected(end: socket.socket, path: Path) -> None:
    # The kernel takes a connection here at once, or says that the queue is full; it never waits.
    until = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            return end.connect(os.fspath(path))
        except BlockingIOError:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(_TURN)


@contextlib.contextmanager
def inner(runtime: Path | None) -> Iterator[Path]:
    """Where the server behind can listen: nobody else gets to it.

    `runtime` is a directory of ours alone; without one, a temporary one is made.
    """
    if runtime is not None:
        yield runtime / "grpc"
        return
    with tempfile.TemporaryDirectory(prefix="offctl-coordinator-") as made:
        # Of what is locked, systemd-tmpfiles(8) takes nothing away, however old it is.
        handle = os.open(made, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH)
            yield Path(made, "grpc")
        finally:
            os.close(handle)


def told(name: tuple[str, int]) -> str:
    """An address and its port, for people."""
    address = pace.plain(name[0])
    if isinstance(address, ipaddress.IPv4Address):
        return f"{address}:{name[1]}"
    return f"[{name[0]}]:{name[1]}"
