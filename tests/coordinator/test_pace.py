"""How fast bytes of one source come, and who of those behind one address goes first."""

import asyncio
from pathlib import Path
import time

import pytest

from offctl.api.v1 import agent_pb2
from offctl_coordinator.pace import Flow, Flows, Pace, source
from transport.fleet import Fleet, serving

CHUNK = 16 * 1024
PACE = Pace(burst=4 * CHUNK, per_second=1000 * CHUNK)
# The beginning of a TLS handshake that would be as long as one may be, and never is.
GREEDY = b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03".ljust(CHUNK - 1, b"\0")


class Clock:
    time = 1000.0

    def __call__(self) -> float:
        return self.time


async def turns(number: int = 5) -> None:
    """So that those whose turn it is come back."""
    for _ in range(number):
        await asyncio.sleep(0.01)


async def test_a_source_never_owes_more_than_one_chunk_however_many_it_comes_with() -> None:
    clock = Clock()
    flow = Flow(PACE, clock)
    tasks = [asyncio.ensure_future(flow.line().admit(CHUNK)) for _ in range(300)]
    await turns()
    # What is there at once, and one more into debt.
    assert sum(task.done() for task in tasks) == 5
    clock.time += 0.0009
    await turns()
    assert sum(task.done() for task in tasks) == 5
    for passed in range(6, 20):
        clock.time += 0.001
        await turns(1)
        assert sum(task.done() for task in tasks) == passed
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    del tasks, task
    clock.time += 1
    await asyncio.wait_for(flow.line().admit(1), 1)
    clock.time += 1
    assert flow.idle()


async def test_whoever_wants_little_goes_before_those_who_want_much() -> None:
    clock = Clock()
    flow = Flow(PACE, clock)
    greedy = [flow.line() for _ in range(300)]
    tasks = [asyncio.ensure_future(line.admit(CHUNK)) for line in greedy]
    await turns()
    modest = flow.line()
    for _ in range(10):
        said = asyncio.ensure_future(modest.admit(500))
        await turns(1)
        clock.time += 0.0011
        await turns(1)
        assert said.done()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_one_that_wants_without_end_gets_no_more_than_the_others() -> None:
    clock = Clock()
    flow = Flow(PACE, clock)
    passed = [0] * 4

    async def want(number: int) -> None:
        line = flow.line()
        # The first has had much while it was alone.
        for _ in range(1000 if number == 0 else 0):
            await line.admit(CHUNK)
            clock.time += 0.001
        while True:
            await line.admit(CHUNK)
            passed[number] += CHUNK

    tasks = [asyncio.ensure_future(want(number)) for number in range(4)]
    for _ in range(200):
        await asyncio.sleep(0.002)
        clock.time += 0.001
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert max(passed) < 1.25 * min(passed)
    assert min(passed) > 10 * CHUNK


async def test_who_gave_up_waiting_costs_nothing() -> None:
    clock = Clock()
    flow = Flow(PACE, clock)
    tasks = [asyncio.ensure_future(flow.line().admit(CHUNK)) for _ in range(100)]
    await turns()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    clock.time += 0.0011
    await asyncio.wait_for(flow.line().admit(CHUNK), 1)


async def test_a_source_is_remembered_while_it_matters() -> None:
    clock = Clock()
    flows = Flows(PACE, clock)
    connected = flows.of("connected")
    line = connected.line()
    owing = flows.of("owing")
    await owing.line().admit(CHUNK)
    for number in range(5000):
        flows.of(str(number))
    assert flows.of("connected") is connected
    assert flows.of("owing") is owing
    del line


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


async def test_strangers_behind_a_hosts_address_do_not_cut_it_off(tmp_path: Path) -> None:
    """Each has as much as can be read at once on its way, all at the same time."""
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        host, _, port = running.address.rpartition(":")
        strangers = [await asyncio.open_connection(host, int(port)) for _ in range(300)]
        for _, writer in strangers:
            writer.write(GREEDY)
        await asyncio.sleep(0.5)
        began = time.monotonic()
        async with running.agent("off1") as stub:
            await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=10)
        assert time.monotonic() - began < 3
        for _, writer in strangers:
            writer.close()
        await asyncio.gather(*(w.wait_closed() for _, w in strangers), return_exceptions=True)
