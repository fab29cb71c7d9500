"""One host that begins calls without end (CVE-2023-44487) costs the others nothing they feel."""

import asyncio
import contextlib
from pathlib import Path
import ssl
import statistics
import subprocess
import sys
import time

import pytest

from coordinator.frames import PREFACE, SETTINGS, TIMEOUT, call, frame, opened, reset, write_keys
from offctl.api.v1 import agent_pb2
from offctl_coordinator.floods import BURST, PER_SECOND, Floods
from offctl_coordinator.server import Patience
from transport.fleet import Fleet, Running, serving

TESTS = Path(__file__).resolve().parent.parent
METHODS = (
    "/offctl.api.v1.AgentService/FetchRelease",
    "/offctl.api.v1.AgentService/Watch",
    "/offctl.api.v1.OperatorService/Publish",
    "/nothing",
)
SECONDS = 5.0


class Clock:
    time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_whoever_begins_too_many_is_out_for_a_while_and_nobody_else_is() -> None:
    clock = Clock()
    floods = Floods(60, clock)
    assert [floods.begun("a", "here") for _ in range(BURST)] == [False] * BURST
    assert floods.out() == frozenset()
    assert floods.begun("a", "here")
    assert floods.out() == {"a"}
    assert not floods.begun("b", "there")
    clock.time += 59
    assert floods.begun("a", "here"), "what it still sends is not listened to"
    assert floods.out() == {"a"}
    clock.time += 1
    assert floods.out() == frozenset()
    assert not floods.begun("a", "here")
    clock.time += 3600
    for _ in range(10 * BURST):
        clock.time += 1 / PER_SECOND
        assert not floods.begun("a", "here"), "that many are never too many"


async def polls(running: Running, *, seconds: float) -> list[float]:
    """How long each poll of another host takes, each with a connection of its own."""
    found = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        async with running.agent("off2") as stub:
            await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=6 * SECONDS)
        found.append(time.monotonic() - began)
        await asyncio.sleep(0.05)
    return found


def answered(directory: Path, address: str) -> bool:
    """Whether the coordinator speaks with this certificate."""
    with contextlib.suppress(OSError), opened(directory, address) as peer:
        peer.socket.sendall(PREFACE + frame(SETTINGS))
        return next(peer.frames(), None) is not None
    return False


def hung_up_on(directory: Path, address: str, content: bytes) -> bool:
    """Whether the other side ends a connection that sends this."""
    with opened(directory, address) as peer:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            peer.socket.sendall(PREFACE + frame(SETTINGS) + content)
        began = time.monotonic()
        list(peer.frames())
        return time.monotonic() - began < TIMEOUT - 1


@pytest.mark.parametrize("method", METHODS)
async def test_calls_that_are_reset_at_once_lose_connection_and_entry_for_a_while(
    tmp_path: Path, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = Fleet()
    content = b"".join(call(method, 2 * n + 1) + reset(2 * n + 1) for n in range(2 * BURST))
    async with serving(fleet, tmp_path, patience=Patience(flood=3.0)) as running:
        await running.publish(fleet.release(1, "off1", "off2"))
        write_keys(tmp_path, fleet, fleet.host("off1"))
        place = (tmp_path, running.address)
        assert await asyncio.to_thread(answered, *place)
        assert await asyncio.to_thread(hung_up_on, *place, content)
        assert "begins calls without end; it is kept out" in caplog.text
        assert "at 127.0.0.1:" in caplog.text
        assert not await asyncio.to_thread(answered, *place)
        assert await polls(running, seconds=0.2)
        await asyncio.sleep(3.0)
        assert await asyncio.to_thread(answered, *place)


def flooding(address: str, directory: Path) -> "subprocess.Popen[bytes]":
    """Four connections, for six seconds."""
    arguments = [address, str(directory), "4", "6", METHODS[0]]
    return subprocess.Popen(
        [sys.executable, "-m", "coordinator.flooding", *arguments],
        cwd=TESTS,
        stdout=subprocess.PIPE,
    )


async def test_others_are_served_while_one_host_floods(tmp_path: Path) -> None:
    """Polls come through, all of them, and most are about as quick as without."""
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1", "off2"))
        write_keys(tmp_path, fleet, fleet.host("off1"))
        quiet = await polls(running, seconds=2)
        with flooding(running.address, tmp_path) as flood:
            loud = await polls(running, seconds=7)
            told, _ = await asyncio.to_thread(flood.communicate)
    calls, connections = map(int, told.split())
    assert calls > 4 * BURST, "that was no flood"
    assert connections >= 4
    # One that was on its way when the flood began may wait for what came before it.
    assert sum(each > SECONDS for each in loud) <= 1
    assert statistics.median(loud) < 10 * statistics.median(quiet)
