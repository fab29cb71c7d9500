"""What hosts observe: asked for when it is not kept, kept as it came, given to operators only."""

from datetime import timedelta
from pathlib import Path

from grpc import aio
import pytest

from offctl import observation
from offctl.api.v1 import agent_pb2, operator_pb2
from transport.fleet import Fleet, Running, now, serving

SECONDS = 5.0
SEEN = b"what off1 saw"


async def tell(running: Running, content: bytes, seen: bytes = b"", host: str = "off1") -> bool:
    request = agent_pb2.ReportRequest(report=content, observation=seen)
    async with running.agent(host) as stub:
        wanted: bool = (await stub.Report(request, timeout=SECONDS)).observation_wanted
        return wanted


async def get(running: Running, host: str = "off1") -> operator_pb2.GetObservationResponse:
    request = operator_pb2.GetObservationRequest(host=host)
    async with running.operator() as stub:
        found: operator_pb2.GetObservationResponse
        found = await stub.GetObservation(request, timeout=SECONDS)
        return found


def report(fleet: Fleet, sequence: int, seen: bytes = SEEN, **changes: object) -> bytes:
    named = observation.digest(seen) if seen else ""
    return fleet.report("off1", sequence, observation=named, **changes)


async def test_it_is_wanted_once_and_then_only_when_it_changes(tmp_path: Path) -> None:
    fleet, began = Fleet(), now()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        assert await tell(running, report(fleet, 1, time=began))
        assert not await tell(running, report(fleet, 1, time=began), SEEN)
        later = began + timedelta(minutes=1)
        assert not await tell(running, report(fleet, 2, time=later))
        found = await get(running)
        assert (found.observation, found.observed.ToDatetime()) == (
            SEEN,
            later.replace(tzinfo=None),
        )
        # An older report that comes late makes it no older.
        assert not await tell(running, report(fleet, 1, time=began))
        assert (await get(running)).observed.ToDatetime() == later.replace(tzinfo=None)
        assert await tell(running, report(fleet, 3, b"another"))
        assert (await get(running)).observation == SEEN
        assert not await tell(running, report(fleet, 3, b"another"), b"another")
        assert (await get(running)).observation == b"another"
        assert not await tell(running, report(fleet, 4, b""))


async def test_it_survives_a_restart(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        await tell(running, report(fleet, 1), SEEN)
    async with serving(fleet, tmp_path) as running:
        assert (await get(running)).observation == SEEN


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (b"something else", "INVALID_ARGUMENT"),
        (b"x" * (observation.MAX_OBSERVATION + 1), "RESOURCE_EXHAUSTED"),
    ],
)
async def test_what_the_report_does_not_name_is_refused(
    tmp_path: Path, seen: bytes, code: str
) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        with pytest.raises(aio.AioRpcError) as refused:
            await tell(running, report(fleet, 1), seen)
        assert refused.value.code().name == code
        with pytest.raises(aio.AioRpcError) as missing:
            await get(running)
        assert missing.value.code().name == "NOT_FOUND"


async def test_nobody_observes_for_another(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1", "off2"))
        with pytest.raises(aio.AioRpcError) as refused:
            await tell(running, report(fleet, 1), SEEN, host="off2")
        assert refused.value.code().name == "INVALID_ARGUMENT"
        with pytest.raises(aio.AioRpcError):
            await get(running)
