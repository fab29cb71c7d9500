"""A TLS session from before cannot outlive the certificate that began it."""

import importlib
from pathlib import Path

import grpc
from grpc import aio
import pytest

from offctl import certificates
from offctl.api.v1 import agent_pb2, agent_pb2_grpc
from transport.fleet import Fleet, Pair, Running, serving

SECONDS = 5.0
# No public name leads to gRPC's own cache of sessions.
_cygrpc = importlib.import_module("grpc._cython.cygrpc")


async def fetch(running: Running, pair: Pair, cache: object) -> str:
    """One call on a new connection that resumes the session in `cache`: its status."""
    credentials = grpc.ssl_channel_credentials(
        root_certificates=running.fleet.server.certificate.encode(),
        private_key=pair.key,
        certificate_chain=pair.certificate.encode(),
    )
    options = (
        ("grpc.ssl_target_name_override", certificates.SERVER_NAME),
        ("grpc.ssl_session_cache", cache),
        ("grpc.use_local_subchannel_pool", 1),
    )
    async with aio.secure_channel(running.address, credentials, options=options) as channel:
        stub = agent_pb2_grpc.AgentServiceStub(channel)
        try:
            await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)
        except aio.AioRpcError as error:
            return error.code().name
        return "OK"


@pytest.mark.parametrize("turns", [1, 3])
async def test_a_resumed_session_is_judged_anew(tmp_path: Path, turns: int) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1", "off2"))
        cache = _cygrpc.SSLSessionCacheLRU(4)
        for _ in range(turns):
            assert await fetch(running, fleet.host("off2"), cache) == "OK"
        await running.publish(fleet.release(2, "off1"))
        refused = await fetch(running, fleet.host("off2"), cache)
        assert refused in ("UNAUTHENTICATED", "UNAVAILABLE")
        # The session of another does not make one that other.
        assert await fetch(running, Pair.make("stranger"), cache) != "OK"
        assert await fetch(running, fleet.host("off1"), _cygrpc.SSLSessionCacheLRU(4)) == "OK"
