"""What misbehaviour costs: floods, oversized words, failing stores; and what clients then see."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
import contextlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import grpc
from grpc import aio
import pytest

from offctl import errors
from offctl.api.health.v1 import health_pb2, health_pb2_grpc
from offctl.api.v1 import agent_pb2, operator_pb2
from offctl.trust.rotation import Step
from offctl_coordinator.store.records import (
    Added,
    Decision,
    EventRecord,
    HistoryRecord,
    ObservationRecord,
    ReleaseRecord,
    ReportRecord,
    SpellChange,
    SpellRecord,
)
from offctl_coordinator.turns import Order, Steering
from transport.fleet import UNPACED, Fleet, served, serving

SECONDS = 5.0
_Status = health_pb2.HealthCheckResponse
SECRET = "/srv/very/secret/path"


async def test_a_refusal_that_quotes_megabytes_stays_short(tmp_path: Path) -> None:
    fleet = Fleet()
    parts = [
        operator_pb2.PublishRequest(envelope=fleet.release(1, "off1").envelope),
        operator_pb2.PublishRequest(
            bundle=operator_pb2.Bundle(
                host="off1", content=fleet.release(1, "off1").bundle("off1") or b""
            )
        ),
        operator_pb2.PublishRequest(bundle=operator_pb2.Bundle(host="x" * 1_000_000)),
    ]
    async with serving(fleet, tmp_path, pace=UNPACED) as running, running.operator() as stub:
        for call in (
            stub.Publish(iter(parts), timeout=SECONDS),
            stub.GetHost(operator_pb2.GetHostRequest(host="y" * 1_000_000), timeout=SECONDS),
        ):
            with pytest.raises(aio.AioRpcError) as refused:
                await call
            assert refused.value.code().name in {"FAILED_PRECONDITION", "NOT_FOUND"}
            assert len(refused.value.details() or "") <= 1000


async def test_silent_connections_keep_nobody_out(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        host, _, port = running.address.rpartition(":")
        silent = [await asyncio.open_connection(host, int(port)) for _ in range(200)]
        async with running.operator() as stub:
            await stub.History(operator_pb2.HistoryRequest(), timeout=SECONDS)
        for _, writer in silent:
            writer.close()
        await asyncio.gather(*(w.wait_closed() for _, w in silent), return_exceptions=True)


async def test_health_is_told_to_any_pinned_caller(tmp_path: Path) -> None:
    fleet = Fleet()
    async with contextlib.AsyncExitStack() as stack:
        running = await stack.enter_async_context(serving(fleet, tmp_path))
        await running.publish(fleet.release(1, "off1"))
        async with running.channel(fleet.host("off1")) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            for service in ("", "offctl.api.v1.AgentService", "offctl.api.v1.OperatorService"):
                request = health_pb2.HealthCheckRequest(service=service)
                assert (await stub.Check(request, timeout=SECONDS)).status == _Status.SERVING
            unknown = health_pb2.HealthCheckRequest(service="nothing")
            with pytest.raises(aio.AioRpcError) as refused:
                await stub.Check(unknown, timeout=SECONDS)
            assert refused.value.code().name == "NOT_FOUND"
            absent = stub.Watch(unknown, timeout=SECONDS)
            assert (await absent.read()).status == _Status.SERVICE_UNKNOWN
            stream = stub.Watch(health_pb2.HealthCheckRequest(), timeout=SECONDS)
            assert (await stream.read()).status == _Status.SERVING
            closing = asyncio.ensure_future(stack.aclose())
            assert (await stream.read()).status == _Status.NOT_SERVING
            await closing


@dataclass
class FailingStore:
    """A `Store` that fails as `error` from the moment it is set."""

    error: Exception | None = None
    text: str = ""
    added: list[ReleaseRecord] = field(default_factory=list)
    entered: asyncio.Event = field(default_factory=asyncio.Event)

    def _work(self) -> None:
        if self.error is not None:
            raise self.error

    def newest_release(self) -> ReleaseRecord | None:
        self._work()
        return self.added[-1] if self.added else None

    def add_release(self, record: ReleaseRecord) -> None:
        self._work()
        self.added.append(record)

    def history(self, limit: int) -> tuple[HistoryRecord, ...]:
        self._work()
        return ()

    def add_report(self, record: ReportRecord, change: SpellChange) -> Added:
        self._work()
        return Added(new=True, spell=change(None))

    def newest_report(self, host: str) -> ReportRecord | None:
        self._work()
        return None

    def newest_reports(self) -> tuple[ReportRecord, ...]:
        self._work()
        return ()

    def newest_reports_of(self, hosts: Collection[str]) -> tuple[ReportRecord, ...]:
        self._work()
        return ()

    def release(self, serial: int) -> ReleaseRecord | None:
        self._work()
        return None

    def keep_observation(self, record: ObservationRecord) -> None:
        self._work()

    def observed(self, host: str, sha256: str, at: datetime) -> bool:
        self._work()
        return False

    def observation(self, host: str) -> ObservationRecord | None:
        self._work()
        return None

    def add_events(self, records: tuple[EventRecord, ...]) -> int:
        self._work()
        return len(records)

    def events(self, host: str, after: int, limit: int) -> tuple[EventRecord, ...]:
        self._work()
        return ()

    def newest_event(self) -> int:
        self._work()
        return 0

    def spells(self, hosts: Collection[str] | None = None) -> tuple[SpellRecord, ...]:
        self._work()
        return ()

    def rollout(self) -> str:
        self._work()
        return self.text

    def decide(self, decision: Decision) -> str:
        self._work()
        self.text = decision(self.text, ())
        return self.text

    def trust_roots(self) -> tuple[Step, ...]:
        self._work()
        return ()

    def add_trust_root(self, step: Step) -> None:
        self._work()

    def contacts(self) -> Mapping[str, datetime]:
        self._work()
        return {}

    def note_contacts(self, times: Mapping[str, datetime]) -> None:
        self._work()

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(SECRET),
        KeyError(SECRET),
        errors.AdminError(f"cannot store {SECRET}: disk full"),
        errors.InternalError(SECRET),
        MemoryError(SECRET),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_exceptions_text_stays_in_the_log(
    tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = Fleet()
    store = FailingStore()
    async with serving(fleet, tmp_path, store=store) as running:
        await running.publish(fleet.release(1, "off1"))
        store.error = error
        async with running.agent("off1") as stub, running.operator() as asking:
            calls = (
                stub.Report(agent_pb2.ReportRequest(report=fleet.report("off1")), timeout=SECONDS),
                asking.History(operator_pb2.HistoryRequest(), timeout=SECONDS),
            )
            for call in calls:
                with pytest.raises(aio.AioRpcError) as failed:
                    await call
                assert failed.value.code().name == "INTERNAL"
                text = failed.value.details() or ""
                assert "secret" not in str(failed.value)
                # What the operator is given finds the line in the log.
                assert f"error {text.rsplit(' ', 1)[1]} in" in caplog.text
    assert SECRET in caplog.text


async def test_a_publish_that_is_not_durable_is_not_served(tmp_path: Path) -> None:
    fleet = Fleet()
    store = FailingStore()
    async with serving(fleet, tmp_path, store=store) as running:
        old = fleet.release(1, "off1")
        await running.publish(old)
        store.error = errors.AdminError("cannot store release 2: disk full")
        with pytest.raises(errors.AdminError):
            await running.publish(fleet.release(2, "off1"))
        assert (await running.coordinator.fetch("off1", "")).envelope == old.envelope
        store.error = None
        await running.publish(fleet.release(2, "off1"))


async def test_a_caller_that_hangs_up_does_not_part_store_and_service(tmp_path: Path) -> None:
    fleet = Fleet()
    store = FailingStore()
    async with serving(fleet, tmp_path, store=store) as running:
        release = fleet.release(1, "off1")
        publishing = asyncio.ensure_future(running.publish(release))
        await asyncio.sleep(0)  # let it begin
        await asyncio.sleep(0)
        publishing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await publishing
        # A second one waits for the first to be through.
        await running.publish(release)
        assert [record.serial for record in store.added] == [1]
        assert (await running.coordinator.fetch("off1", "")).envelope == release.envelope


async def test_a_report_whose_host_hung_up_counts_all_the_same(tmp_path: Path) -> None:
    """Stored it would be taken for known when it comes again, and never be told of."""
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        reporting = asyncio.ensure_future(running.coordinator.report("off1", fleet.report("off1")))
        await asyncio.sleep(0)  # let it begin
        await asyncio.sleep(0)
        reporting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reporting
        await running.coordinator.report("off1", fleet.report("off1"))
        assert running.coordinator.roster().standings["off1"].report.sequence == 1


async def test_an_order_whose_operator_hung_up_counts_all_the_same(tmp_path: Path) -> None:
    """Durable and not in force, a pause would begin with the next start of the coordinator."""
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        order = Steering(Order.PAUSE, 1, running.coordinator.turns.rollout.wave, "desk", "campaign")
        steering = asyncio.ensure_future(running.coordinator.steer(order))
        await asyncio.sleep(0)  # let it begin
        await asyncio.sleep(0)
        steering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await steering
        # Through the same lock, after it.
        await running.publish(fleet.release(2, "off1"))
        assert running.coordinator.turns.rollout.paused == "by desk: campaign"


def test_a_coordinator_can_be_served_beside_a_test_that_is_not_async(tmp_path: Path) -> None:
    fleet = Fleet()
    with served(fleet, tmp_path, fleet.release(1, "off1")) as running:
        assert running.coordinator.roster().names() == ["off1"]


async def test_metadata_that_is_too_large_is_refused_and_others_are_served(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        async with running.operator() as stub:
            with pytest.raises(aio.AioRpcError) as refused:
                await stub.History(
                    operator_pb2.HistoryRequest(),
                    metadata=(("filler", "x" * 40_000),),
                    timeout=SECONDS,
                )
            assert refused.value.code().name in ("RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE")
        async with running.operator() as stub:
            await stub.History(operator_pb2.HistoryRequest(), timeout=SECONDS)


async def test_one_hosts_flood_of_reports_keeps_nobody_waiting(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1", "off2"))
        async with running.agent("off1") as flooding, running.agent("off2") as stub:

            async def send(sequence: int) -> str:
                content = fleet.report("off1", sequence=sequence)
                try:
                    await flooding.Report(agent_pb2.ReportRequest(report=content), timeout=30)
                except aio.AioRpcError as error:
                    return f"{error.code().name} {(error.details() or '').partition(':')[0]}"
                return "OK"

            await send(0)  # the connection stands, and its limits are known
            flood = asyncio.gather(*(send(number) for number in range(1, 201)))
            for _ in range(5):
                await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)
            answers = Counter(await flood)
        assert set(answers) == {"OK", "RESOURCE_EXHAUSTED TOO_MANY_CALLS"}
        assert answers["OK"] >= 16


async def test_a_courier_that_was_cut_off_hands_in_all_its_reports(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        async with running.agent("off1") as stub:
            for number in range(1, 65):
                content = fleet.report("off1", sequence=number)
                await stub.Report(agent_pb2.ReportRequest(report=content), timeout=SECONDS)
        assert running.coordinator.roster().standings["off1"].report.sequence == 64


async def test_streams_that_are_left_open_are_bounded(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1", "off2"))
        async with running.agent("off1") as one, running.agent("off1") as two:
            streams = [stub.Watch(agent_pb2.WatchRequest()) for stub in (one, two) * 8]
            assert {(await stream.read()).serial for stream in streams} == {1}
            with pytest.raises(aio.AioRpcError) as refused:
                await one.Watch(agent_pb2.WatchRequest(), timeout=SECONDS).read()
            assert "TOO_MANY_CALLS: too many calls at once" in (refused.value.details() or "")
            async with running.agent("off2") as other:
                await other.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)
            streams[0].cancel()
            await asyncio.sleep(0.1)
            await one.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)


async def test_compressed_messages_are_not_taken(tmp_path: Path) -> None:
    """A few kilobytes could otherwise become a gigabyte of memory."""
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running, running.agent("off1") as stub:
        await running.publish(fleet.release(1, "off1"))
        with pytest.raises(aio.AioRpcError) as refused:
            await stub.Report(
                agent_pb2.ReportRequest(report=b" " * 7_000_000),
                timeout=SECONDS,
                compression=grpc.Compression.Gzip,
            )
    assert refused.value.code().name == "UNIMPLEMENTED"
