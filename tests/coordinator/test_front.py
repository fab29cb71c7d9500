"""In front of gRPC: both families of addresses, a pace for each source, TLS untouched."""

import asyncio
from pathlib import Path
import time

import grpc
from grpc import aio
import pytest

from offctl import certificates
from offctl.api.v1 import agent_pb2, agent_pb2_grpc
from offctl_coordinator.front import Flow, Front, Pace, source
from transport.fleet import Fleet, serving

SECONDS = 5.0


class Clock:
    time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_a_source_waits_for_what_it_took_too_much() -> None:
    clock = Clock()
    flow = Flow(Pace(burst=1000, per_second=100), clock)
    assert flow.spend(900) == 0
    assert flow.spend(300) == 2.0
    assert flow.spend(100) == 3.0
    assert not flow.idle()
    clock.time += 3
    assert flow.spend(0) == 0
    clock.time += 3600
    assert flow.idle()
    assert flow.spend(1000) == 0
    assert flow.spend(1) > 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "::ffff:10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2", True),
    ],
)
def test_who_is_one_source(one: str, other: str, same: object) -> None:
    assert (source(one) == source(other)) is same


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_all_addresses_means_both_families(
    tmp_path: Path, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = Fleet()
    caplog.set_level("INFO")
    async with serving(fleet, tmp_path, listen="[::]:0") as running:
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
    # The log names where the caller is, not what stands between.
    assert f"by {host.strip('[]')}:" in caplog.text.replace("::ffff:", "")


async def test_much_takes_its_time_and_comes_whole() -> None:
    """Both ways at once; what goes back is not slowed."""
    size = 400_000

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(size) * 10)
        await writer.drain()
        writer.close()

    inner = await asyncio.start_server(echo, "127.0.0.1", 0)
    front = Front(Pace(burst=100_000, per_second=300_000), time.monotonic)
    async with inner, front.listening("127.0.0.1:0") as address:
        await front.open(inner.sockets[0].getsockname()[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.split(":")[1]))
        began = time.monotonic()
        sent = bytes(range(256)) * (size // 256) + bytes(size % 256)
        writer.write(sent)
        got = await reader.read(-1)
        took = time.monotonic() - began
        writer.close()
    assert got == sent * 10
    assert took > 0.8


async def test_a_server_that_is_gone_closes_the_connection() -> None:
    front = Front(Pace(), time.monotonic)
    async with front.listening("127.0.0.1:0") as address:
        await front.open(1)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.split(":")[1]))
        async with asyncio.timeout(SECONDS):
            assert await reader.read() == b""
        writer.close()
