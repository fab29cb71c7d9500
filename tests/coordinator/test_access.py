"""Every method of every service, called as everybody, over real TLS."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
import tomllib

from google.protobuf.descriptor_pb2 import MethodDescriptorProto
import grpc
from grpc import aio
import pytest

from offctl import certificates, errors
from offctl.api.health.v1 import health_pb2
from offctl.api.v1 import agent_pb2, agent_pb2_grpc, operator_pb2, operator_pb2_grpc
from offctl.trust import accept, manifest
from offctl_coordinator import callers, publication
from transport.fleet import Fleet, Pair, now, serving

EXPECTED = tomllib.loads(Path(__file__).with_name("access.toml").read_text())
SECONDS = 5.0

# Messages go as the bytes they are.
_RAW: Callable[[bytes], bytes] = bytes

OUTSIDE = {"UNAVAILABLE": "outside", "UNAUTHENTICATED": "outside", "PERMISSION_DENIED": "denied"}


def methods() -> Iterator[tuple[str, MethodDescriptorProto]]:
    for file in (agent_pb2, operator_pb2, health_pb2):
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                description = MethodDescriptorProto()
                method.CopyToProto(description)
                yield f"/{service.full_name}/{method.name}", description


async def verdict(channel: aio.Channel, path: str, method: MethodDescriptorProto) -> str:
    """How the wire answers one empty call."""
    try:
        if method.server_streaming:
            call = channel.unary_stream(path, _RAW, _RAW)(b"", timeout=SECONDS)
            await call.read()
            call.cancel()
        else:
            # On the wire a stream of one message is no different from a single one.
            await channel.unary_unary(path, _RAW, _RAW)(b"", timeout=SECONDS)
    except aio.AioRpcError as error:
        return OUTSIDE.get(error.code().name, "in")
    return "in"


def test_the_table_lists_every_method_there_is() -> None:
    paths = {path for path, _ in methods()}
    assert paths == set(EXPECTED)
    assert paths == set(callers.METHODS)


@pytest.mark.parametrize("path", ["/offctl.api.v1.AgentService/New", "", "FetchRelease"])
def test_a_method_without_an_entry_is_refused_to_everybody(path: str) -> None:
    fleet = Fleet()
    allowed = callers.allow(fleet.root(), None)
    own = certificates.fingerprint(fleet.operator.certificate)
    with pytest.raises(callers.ForbiddenError):
        allowed.identify(own, path)


def test_two_who_could_be_taken_for_one_another_are_refused(tmp_path: Path) -> None:
    fleet = Fleet()
    twice = (("desk", fleet.operator.certificate), ("one", fleet.server.certificate))
    same = fleet.root(coordinators=(), operators=twice)
    assert len(callers.allow(same, None).callers) == 2
    host = publication.PublishedHost("off1", b"", fleet.server.certificate, "enforce")
    accepted = accept.AcceptedManifest(
        manifest.Manifest(
            "openfoodfacts",
            1,
            now(),
            now() + timedelta(1),
            (manifest.HostEntry("off1", "0" * 64, 1),),
        ),
        "0" * 64,
        expired=False,
    )
    offered = publication.Publication(b"", accepted, (host,))
    with pytest.raises(errors.RefusedError, match="coordinator one has one of the same subject"):
        callers.allow(fleet.root(), offered)


@pytest.mark.parametrize("who", ["none", "unlisted", "removed", "host", "other host", "operator"])
async def test_the_wire_answers_as_the_table_says(tmp_path: Path, who: str) -> None:
    fleet = Fleet()
    pairs: dict[str, Pair | None] = {
        "none": None,
        "unlisted": Pair.make("stranger"),
        "removed": fleet.host("gone"),
        "host": fleet.host("off1"),
        "other host": fleet.host("off2"),
        "operator": fleet.operator,
    }
    role = who.removeprefix("other ")
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1", "off2", "gone"))
        await running.publish(fleet.release(2, "off1", "off2"))
        async with running.channel(pairs[who]) as channel:
            found = {path: await verdict(channel, path, method) for path, method in methods()}
    assert found == {path: roles.get(role, "outside") for path, roles in EXPECTED.items()}


async def test_an_unknown_method_is_answered_with_unimplemented(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running, running.channel(fleet.operator) as channel:
        for path in ("/offctl.api.v1.AgentService/Nothing", "/offctl.api.v1.Admin/Shell"):
            with pytest.raises(aio.AioRpcError) as refused:
                await channel.unary_unary(path, _RAW, _RAW)(b"", timeout=SECONDS)
            assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_server_that_is_not_pinned_is_told_nothing(tmp_path: Path) -> None:
    fleet = Fleet()
    other = Pair.make("other", dns_name=certificates.SERVER_NAME)
    async with (
        serving(fleet, tmp_path) as running,
        running.channel(fleet.operator, server=other) as channel,
    ):
        stub = operator_pb2_grpc.OperatorServiceStub(channel)
        with pytest.raises(aio.AioRpcError) as refused:
            await stub.ListHosts(operator_pb2.ListHostsRequest(), timeout=SECONDS)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_plaintext_is_refused(tmp_path: Path) -> None:
    fleet = Fleet()
    async with (
        serving(fleet, tmp_path) as running,
        aio.insecure_channel(running.address) as channel,
    ):
        stub = operator_pb2_grpc.OperatorServiceStub(channel)
        with pytest.raises(aio.AioRpcError) as refused:
            await stub.ListHosts(operator_pb2.ListHostsRequest(), timeout=SECONDS)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_host_is_let_in_by_the_release_that_lists_it_and_out_by_the_next(
    tmp_path: Path,
) -> None:
    fleet = Fleet()
    request = agent_pb2.FetchReleaseRequest()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        async with running.channel(fleet.host("off2")) as channel:
            with pytest.raises(aio.AioRpcError) as early:
                await agent_pb2_grpc.AgentServiceStub(channel).FetchRelease(
                    request, timeout=SECONDS
                )
            assert early.value.code() is grpc.StatusCode.UNAVAILABLE
        await running.publish(fleet.release(2, "off1", "off2"))
        async with running.channel(fleet.host("off2")) as channel:
            stub = agent_pb2_grpc.AgentServiceStub(channel)
            assert (await stub.FetchRelease(request, timeout=SECONDS)).bundle
            stream = stub.Watch(agent_pb2.WatchRequest(), timeout=SECONDS)
            assert (await stream.read()).serial == 2
            await running.publish(fleet.release(3, "off1"))
            # The connection is still open; the call and the stream are refused all the same.
            with pytest.raises(aio.AioRpcError) as late:
                await stub.FetchRelease(request, timeout=SECONDS)
            assert late.value.code() is grpc.StatusCode.UNAUTHENTICATED
            with pytest.raises(aio.AioRpcError) as ended:
                await stream.read()
            assert ended.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_replaced_certificate_works_and_the_old_one_does_not(tmp_path: Path) -> None:
    fleet = Fleet()
    request = agent_pb2.FetchReleaseRequest()
    async with serving(fleet, tmp_path) as running:
        old = fleet.host("off1")
        await running.publish(fleet.release(1, "off1"))
        fleet.hosts["off1"] = new = Pair.make("off1")
        await running.publish(fleet.release(2, "off1"))
        codes = {}
        for name, pair in (("old", old), ("new", new)):
            async with running.channel(pair) as channel:
                stub = agent_pb2_grpc.AgentServiceStub(channel)
                try:
                    await stub.FetchRelease(request, timeout=SECONDS)
                    codes[name] = "OK"
                except aio.AioRpcError as error:
                    codes[name] = error.code().name
    assert codes == {"old": "UNAVAILABLE", "new": "OK"}


async def test_two_certificates_of_one_name_are_both_accepted(tmp_path: Path) -> None:
    """While one replaces the other, or because an operator and a host are called alike."""
    fleet = Fleet()
    new = Pair.make("desk")
    trust = fleet.root(
        operators=(("desk", fleet.operator.certificate), ("desk-new", new.certificate))
    )
    async with serving(fleet, tmp_path, trust=trust) as running:
        for pair in (fleet.operator, new):
            async with running.channel(pair) as channel:
                stub = operator_pb2_grpc.OperatorServiceStub(channel)
                await stub.ListHosts(operator_pb2.ListHostsRequest(), timeout=SECONDS)
