"""In front of gRPC: both families of addresses, what is hung up on, TLS untouched."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
import contextlib
from pathlib import Path
import socket
import subprocess
import sys
import time
from typing import Any

import grpc
from grpc import aio
import pytest

from offctl import certificates, errors
from offctl.api.v1 import agent_pb2, agent_pb2_grpc
from offctl_coordinator.crowd import BOUNDS, Bounds
from offctl_coordinator.front import GONE, Front
from offctl_coordinator.pace import Pace
from transport.fleet import UNPACED, Fleet, serving
import unitfiles

SECONDS = 5.0
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def fronting(front: Front, directory: Path, handler: Handler) -> AsyncIterator[str]:
    """A front with this server behind it; its address."""
    inner = await asyncio.start_unix_server(handler, directory / "inner")
    async with inner, front.listening("127.0.0.1:0") as address:
        await front.open(directory / "inner")
        yield address


async def connected(address: str) -> Streams:
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host.strip("[]"), int(port))


async def ends(reader: asyncio.StreamReader) -> None:
    """Reads to the end, however that comes; fails when none does."""
    async with asyncio.timeout(SECONDS):
        with contextlib.suppress(ConnectionError):
            while await reader.read(1 << 16):
                pass


@pytest.mark.parametrize("listen", ["[::]:0", "[::0]:0", "[0::0]:0", "[0:0:0:0:0:0:0:0]:0"])
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_all_addresses_means_both_families(
    tmp_path: Path, listen: str, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = Fleet()
    caplog.set_level("INFO")
    async with serving(fleet, tmp_path, listen=listen) as running:
        await running.publish(fleet.release(1, "off1"))
        pair = fleet.host("off1")
        credentials = grpc.ssl_channel_credentials(
            fleet.server.certificate.encode(), pair.key, pair.certificate.encode()
        )
        options = (("grpc.ssl_target_name_override", certificates.SERVER_NAME),)
        address = f"{host}:{running.address.rpartition(':')[2]}"
        async with aio.secure_channel(address, credentials, options=options) as channel:
            stub = agent_pb2_grpc.AgentServiceStub(channel)
            await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)
            with pytest.raises(aio.AioRpcError):
                await stub.Report(agent_pb2.ReportRequest(report=b"x"), timeout=SECONDS)
    # The log names where the caller is, as people write it, not what stands between.
    assert f"by {host}:" in caplog.text


# A kernel with ipv6.disable=1: no such socket can be made. (A hook cannot be taken off again.)
WITHOUT_IPV6 = """
import asyncio, errno, socket, sys, time
from offctl_coordinator.front import Front
from offctl_coordinator.pace import Pace

def refuse(event, arguments):
    if event == "socket.__new__" and arguments[1] == socket.AF_INET6:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

async def main():
    async with Front(Pace(), time.monotonic).listening("[::]:0") as address:
        print(address)

sys.addaudithook(refuse)
asyncio.run(main())
"""


def test_without_ipv6_all_addresses_are_those_of_ipv4() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_IPV6], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("0.0.0.0:")


@pytest.mark.parametrize("listen", ["192.0.2.7:0", "[2001:db8::1]:0", "127.0.0.1:99999", "a..b:1"])
async def test_an_address_that_cannot_be_had_is_said(listen: str) -> None:
    with pytest.raises(errors.AdminError, match="cannot listen on"):
        async with Front(Pace(), time.monotonic).listening(listen):
            pass


async def test_much_takes_its_time_and_comes_whole(tmp_path: Path) -> None:
    """Both ways at once; what goes back is not slowed."""
    size = 400_000

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(size) * 10)
        await writer.drain()
        writer.close()

    front = Front(Pace(burst=100_000, per_second=300_000), time.monotonic)
    async with fronting(front, tmp_path, echo) as address:
        reader, writer = await connected(address)
        began = time.monotonic()
        sent = bytes(range(256)) * (size // 256) + bytes(size % 256)
        writer.write(sent)
        got = await reader.read(-1)
        took = time.monotonic() - began
        writer.close()
    assert got == sent * 10
    assert took > 0.8


async def test_a_server_that_is_gone_closes_the_connection_and_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [1000.0]
    front = Front(Pace(), lambda: now[0])
    async with front.listening("127.0.0.1:0") as address:
        await front.open(tmp_path / "nobody")
        for _ in range(3):
            reader, writer = await connected(address)
            await ends(reader)
            writer.close()
        told = "cannot pass a connection on: No such file or directory"
        assert caplog.text.count(told) == 1
        now[0] += 60
        reader, writer = await connected(address)
        await ends(reader)
        writer.close()
        assert caplog.text.count(told) == 2


async def test_whoever_takes_nothing_is_not_waited_for(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(bytes(1 << 16))
                await writer.drain()
        ended.set()
        writer.close()

    front = Front(UNPACED, time.monotonic, stalled=0.5)
    async with fronting(front, tmp_path, talk) as address:
        with socket.create_connection(("127.0.0.1", int(address.split(":")[1]))):
            async with asyncio.timeout(SECONDS):
                await ended.wait()


async def test_a_server_that_takes_nothing_is_not_waited_for(tmp_path: Path) -> None:
    kept: list[asyncio.StreamWriter] = []

    async def keep(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept.append(writer)

    front = Front(UNPACED, time.monotonic, stalled=0.5)
    async with fronting(front, tmp_path, keep) as address:
        reader, writer = await connected(address)
        writer.write(bytes(1 << 24))
        await ends(reader)
        for each in (writer, *kept):
            each.transport.abort()


@pytest.mark.parametrize("first", ["caller", "server"])
async def test_when_either_side_is_gone_both_are(tmp_path: Path, first: str) -> None:
    met: asyncio.Queue[Streams] = asyncio.Queue()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await met.put((reader, writer))

    async with fronting(Front(Pace(), time.monotonic), tmp_path, meet) as address:
        outer = await connected(address)
        inner = await met.get()
        gone, other = (outer, inner) if first == "caller" else (inner, outer)
        gone[1].transport.abort()
        await ends(other[0])
        for _, writer in (outer, inner):
            writer.close()


async def test_nothing_more_of_whoever_is_hung_up_on_is_passed_on(tmp_path: Path) -> None:
    """Not even what was read already; and where it was is nobody's any more."""
    burst = 200_000
    front = Front(Pace(burst=burst, per_second=100_000), time.monotonic)
    got: list[int] = []
    full, done = asyncio.Event(), asyncio.Event()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(str(writer.get_extra_info("peername")[1:], "ascii"))
        while chunk := await reader.read(1 << 16):
            got.append(len(chunk))
            if sum(got) >= burst:
                full.set()
        done.set()
        writer.close()

    peers: list[str] = []
    async with fronting(front, tmp_path, meet) as address:
        reader, writer = await connected(address)
        writer.write(bytes(1_000_000))
        await full.wait()
        peer = f"unix-abstract:{peers[0]}"
        assert front.who(peer).startswith("127.0.0.1:")
        before = sum(got)
        front.hang_up(peer)
        assert front.who(peer) == GONE
        async with asyncio.timeout(SECONDS):
            await done.wait()
        await ends(reader)
        writer.close()
        assert sum(got) == before
        front.hang_up(peer)


async def test_a_stranger_makes_room_and_a_caller_does_not(tmp_path: Path) -> None:
    """However many say nothing from one address, hosts there come in, and those inside stay."""
    fleet = Fleet()
    bounds = Bounds(of_source=6, in_all=100)
    async with serving(fleet, tmp_path, bounds=bounds) as running, running.agent("off1") as stub:
        await running.publish(fleet.release(1, "off1", "off2"))
        watch = stub.Watch(agent_pb2.WatchRequest(), timeout=60)
        await watch.read()
        strangers = [await connected(running.address) for _ in range(20)]
        async with running.agent("off2") as other:
            await other.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)
        for reader, _ in strangers[:14]:
            await ends(reader)
        await running.publish(fleet.release(2, "off1", "off2"))
        async with asyncio.timeout(SECONDS):
            await watch.read()
        for _, writer in strangers:
            writer.close()


async def test_a_certificate_has_its_share_of_places(tmp_path: Path) -> None:
    """One that was stolen keeps nobody out; what is too much goes first."""
    fleet = Fleet()
    bounds = Bounds(of_source=4, in_all=100, of_certificate=2)
    async with contextlib.AsyncExitStack() as stack:
        running = await stack.enter_async_context(serving(fleet, tmp_path, bounds=bounds))
        await running.publish(fleet.release(1, "off1", "off2"))
        for _ in range(4):
            stub = await stack.enter_async_context(running.agent("off1"))
            await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)
        async with running.agent("off2") as other:
            await other.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)


async def test_when_all_places_are_taken_by_callers_the_next_is_refused_and_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = Fleet()
    async with (
        serving(fleet, tmp_path, bounds=Bounds(of_source=10, in_all=1)) as running,
        running.agent("off1") as stub,
    ):
        await running.publish(fleet.release(1, "off1"))
        await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)
        for _ in range(3):
            reader, writer = await connected(running.address)
            await ends(reader)
            writer.close()
        await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)
    assert caplog.text.count("cannot take a connection: ") == 1


def test_the_service_may_have_as_many_descriptors_as_that_takes() -> None:
    service = unitfiles.read("offctl-coordinator")["Service"]
    assert int(service["LimitNOFILE"][0]) == 4 * BOUNDS.in_all
    assert service["RuntimeDirectoryMode"] == ["0700"]


async def test_the_server_behind_is_nobody_elses(tmp_path: Path) -> None:
    fleet = Fleet()
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    async with serving(fleet, tmp_path, runtime=runtime) as running:
        await running.publish(fleet.release(1, "off1"))
        assert [path.is_socket() for path in runtime.iterdir()] == [True]
        async with running.agent("off1") as stub:
            await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)
    assert list(runtime.iterdir()) == []


async def test_a_directory_with_too_long_a_name_is_said(tmp_path: Path) -> None:
    runtime = tmp_path / ("x" * 120)
    runtime.mkdir()
    with pytest.raises(errors.AdminError, match="cannot make the socket"):
        async with serving(Fleet(), tmp_path, runtime=runtime):
            pass
