"""Peers that hold a connection open and say nothing, or not enough, are hung up on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
import ssl

from grpc import aio
import pytest

from offctl import certificates
from offctl.api.v1 import agent_pb2, operator_pb2
from offctl_coordinator.server import Patience
from transport.fleet import Fleet, Running, serving

SECONDS = 5.0
HASTY = Patience(handshake=1.0, call=1.0)
# The beginning of a TLS record: a handshake message of 500 bytes, of which ten come.
HALF_HELLO = b"\x16\x03\x01\x01\xf4\x01\x00\x01\xf0\x03"


async def hung_up_after(reader: asyncio.StreamReader) -> float:
    """Seconds until the other side closes."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(10 * HASTY.handshake):
        try:
            while await reader.read(4096):
                pass
        except ConnectionError:
            pass
    return loop.time() - began


def as_host(fleet: Fleet, directory: Path) -> ssl.SSLContext:
    pair = fleet.host("off1")
    (directory / "one.crt").write_text(pair.certificate)
    (directory / "one.key").write_bytes(pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=fleet.server.certificate)
    context.load_cert_chain(directory / "one.crt", directory / "one.key")
    context.set_alpn_protocols(["h2"])
    return context


async def others_are_served(running: Running) -> None:
    async with running.agent("off2") as stub:
        await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)


@pytest.mark.parametrize("said", [b"", HALF_HELLO, b"GET / HTTP/1.1\r\n\r\n"])
async def test_whoever_does_not_say_who_it_is(tmp_path: Path, said: bytes) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path, patience=HASTY) as running:
        await running.publish(fleet.release(1, "off1", "off2"))
        host, _, port = running.address.rpartition(":")
        pairs = [await asyncio.open_connection(host, int(port)) for _ in range(50)]
        for _, writer in pairs:
            writer.write(said)
        waits = asyncio.gather(*(hung_up_after(reader) for reader, _ in pairs))
        await others_are_served(running)
        assert max(await waits) < 5 * HASTY.handshake
        for _, writer in pairs:
            writer.close()


async def test_whoever_says_who_it_is_and_then_nothing(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path, patience=HASTY) as running:
        await running.publish(fleet.release(1, "off1", "off2"))
        host, _, port = running.address.rpartition(":")
        reader, writer = await asyncio.open_connection(
            host, int(port), ssl=as_host(fleet, tmp_path), server_hostname=certificates.SERVER_NAME
        )
        waiting = asyncio.ensure_future(hung_up_after(reader))
        await others_are_served(running)
        assert await waiting < 5 * HASTY.handshake
        writer.close()


async def test_a_release_that_never_ends_is_given_up(tmp_path: Path) -> None:
    fleet = Fleet()

    async def endless() -> AsyncIterator[operator_pb2.PublishRequest]:
        yield operator_pb2.PublishRequest(envelope=fleet.release(1, "off1").envelope)
        await asyncio.sleep(60)

    async with serving(fleet, tmp_path, patience=HASTY) as running, running.operator() as stub:
        with pytest.raises(aio.AioRpcError) as refused:
            await stub.Publish(endless(), timeout=30)
        assert refused.value.code().name == "DEADLINE_EXCEEDED"
        assert (refused.value.details() or "").startswith("SLOW: ")
        await running.publish(fleet.release(1, "off1"))
