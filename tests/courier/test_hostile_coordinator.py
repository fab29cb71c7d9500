"""A coordinator with the right key that means harm: bounded memory, no busy loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
import contextlib
from pathlib import Path
from typing import Any

import grpc
from grpc import aio
import pytest

from courier import lines
from courier.hosts import carrying, configure, held, note, until
from offctl import errors
from offctl.api.v1 import agent_pb2, agent_pb2_grpc
from offctl_agent import mailbox
from offctl_courier import client, pins
from transport.fleet import Fleet

HURRY = 10.0

Fetch = Callable[[], agent_pb2.FetchReleaseResponse]


class Hostile(agent_pb2_grpc.AgentServiceServicer):
    """Answers `FetchRelease` with whatever `fetch` gives, and `Watch` with `news`."""

    def __init__(
        self, fetch: Fetch, news: Callable[[], AsyncIterator[bytes]] | None = None
    ) -> None:
        self.fetch = fetch
        self.news = news
        self.fetches = 0
        self.watches = 0

    async def FetchRelease(  # noqa: N802
        self, request: agent_pb2.FetchReleaseRequest, context: object
    ) -> agent_pb2.FetchReleaseResponse:
        self.fetches += 1
        return self.fetch()

    async def Watch(  # noqa: N802
        self, request: agent_pb2.WatchRequest, context: object
    ) -> AsyncIterator[agent_pb2.WatchResponse]:
        self.watches += 1
        if self.news is not None:
            async for sha256 in self.news():
                yield agent_pb2.WatchResponse(manifest_sha256=sha256)

    async def Report(  # noqa: N802
        self, request: agent_pb2.ReportRequest, context: object
    ) -> agent_pb2.ReportResponse:
        return agent_pb2.ReportResponse()


@contextlib.asynccontextmanager
async def listening(fleet: Fleet, service: Hostile) -> AsyncIterator[str]:
    server = aio.server(options=[("grpc.max_send_message_length", -1)])
    agent_pb2_grpc.add_AgentServiceServicer_to_server(service, server)
    credentials = grpc.ssl_server_credentials(
        [(fleet.server.key, fleet.server.certificate.encode())]
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


def good(fleet: Fleet) -> agent_pb2.FetchReleaseResponse:
    release = fleet.release(1, "off1")
    return agent_pb2.FetchReleaseResponse(
        envelope=release.envelope, bundle=release.bundle("off1") or b"", timestamp=b"{}"
    )


Answer = agent_pb2.FetchReleaseResponse
HARMFUL: dict[str, tuple[Callable[[Fleet], Answer], str]] = {
    "an endless message": (
        lambda fleet: Answer(envelope=b"x" * 40_000_000),
        "RESOURCE_EXHAUSTED",
    ),
    "an envelope that is none": (lambda fleet: Answer(envelope=b"{}"), "cannot read the envelope"),
    "a bundle that is no text": (
        lambda fleet: Answer(envelope=good(fleet).envelope, bundle=b"\xff"),
        "cannot write the bundle",
    ),
    "a bundle that is too large": (
        lambda fleet: Answer(envelope=good(fleet).envelope, bundle=b"#" * 5_000_000),
        "cannot read the bundle",
    ),
    "a bundle that grows on disk": (
        lambda fleet: Answer(envelope=good(fleet).envelope, bundle=b"\x01" * 4_000_000),
        "cannot take the release",
    ),
    "a timestamp that is too large": (
        lambda fleet: Answer(timestamp=b"x" * (mailbox.MAX_TIMESTAMP + 1)),
        "cannot take the timestamp",
    ),
}


@pytest.mark.parametrize("case", HARMFUL)
async def test_harmful_answers_are_left_out_and_said(tmp_path: Path, case: str) -> None:
    make, cause = HARMFUL[case]
    fleet = Fleet()
    service = Hostile(lambda: make(fleet))
    async with listening(fleet, service) as address:
        config = configure(tmp_path / "off1", fleet, "off1", address)
        async with carrying(config):
            await until(lambda: cause in note(config)["error"], cause)
            assert not list(config.inbox.glob("release*"))
            # It recovers when the coordinator does.
            service.fetch = lambda: good(fleet)
            await until(lambda: held(config), "the release")


async def test_an_endless_stream_does_not_make_the_courier_busy(tmp_path: Path) -> None:
    fleet = Fleet()
    sent = 0

    async def news() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"%032d" % sent

    answer = good(fleet)
    service = Hostile(lambda: answer, news)
    async with listening(fleet, service) as address:
        config = configure(tmp_path / "off1", fleet, "off1", address)
        async with carrying(config):
            began = asyncio.get_running_loop().time()
            await until(lambda: sent > 1500, "a flood")
            lasted = asyncio.get_running_loop().time() - began
    # A round takes at least a tenth of the interval (of one second here).
    assert service.fetches <= lasted / 0.1 + 2


async def test_a_stream_that_ends_at_once_does_not_make_the_courier_busy(tmp_path: Path) -> None:
    fleet = Fleet()
    answer = good(fleet)
    service = Hostile(lambda: answer)
    async with listening(fleet, service) as address:
        config = configure(tmp_path / "off1", fleet, "off1", address)
        async with carrying(config):
            began = asyncio.get_running_loop().time()
            await until(lambda: service.watches >= 3, "three streams")
            lasted = asyncio.get_running_loop().time() - began
            assert note(config)["error"] == ""
    # Each takes a round and a wait that doubles: 0.1 + 0.05, 0.1 + 0.1, ...
    assert lasted >= 0.3


async def test_control_characters_in_an_error_do_not_reach_the_note(tmp_path: Path) -> None:
    fleet = Fleet()

    class Refusing(Hostile):
        async def FetchRelease(  # noqa: N802
            self, request: agent_pb2.FetchReleaseRequest, context: Any
        ) -> agent_pb2.FetchReleaseResponse:
            await context.abort(grpc.StatusCode.INTERNAL, "\x1b[31m" + "x" * 3000)
            raise AssertionError

    async with listening(fleet, Refusing(lambda: good(fleet))) as address:
        config = configure(tmp_path / "off1", fleet, "off1", address)
        async with carrying(config):
            await until(lambda: note(config)["error"], "an error")
            error = note(config)["error"]
    assert "INTERNAL" in error
    assert error.isprintable()
    assert len(error) < 500


async def test_a_release_that_comes_byte_by_byte_is_given_up_and_the_next_is_fetched(
    tmp_path: Path,
) -> None:
    fleet = Fleet()
    answer = good(fleet)
    answer.bundle = b"#" * 1_000_000
    service = Hostile(lambda: answer)
    async with listening(fleet, service) as address:
        found = pins.load(configure(tmp_path / "off1", fleet, "off1", address))
        async with lines.line(address, back=lines.dripping(0.05, after=4000)) as slow:
            coordinator = client.GrpcCoordinator(slow, found, deadline=2)
            began = asyncio.get_running_loop().time()
            with pytest.raises(errors.UnreachableError) as refused:
                await coordinator.fetch(b"", 1)
            assert asyncio.get_running_loop().time() - began < 2 * HURRY
            assert refused.value.code == "DEADLINE_EXCEEDED"
            assert service.fetches == 1, "it was answered, too slowly"
            await coordinator.close()
        coordinator = client.GrpcCoordinator(address, found, deadline=HURRY)
        assert (await coordinator.fetch(b"", 1)).envelope == answer.envelope
        await coordinator.close()
