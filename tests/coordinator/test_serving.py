"""What hosts and operators get from a running coordinator, over real TLS."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import grpc
from grpc import aio
import pytest

from offctl import report as reports
from offctl.api.v1 import agent_pb2, agent_pb2_grpc, operator_pb2
from offctl.trust import accept
from offctl.trust.accept import Floor
from transport.fleet import Fleet, now, serving, sha256

SECONDS = 5.0


async def test_a_host_gets_its_own_bundle_and_a_timestamp_that_is_believed(
    tmp_path: Path,
) -> None:
    fleet = Fleet()
    release = fleet.release(3, "off1", "off2")
    async with serving(fleet, tmp_path) as running:
        await running.publish(release)
        for host in ("off1", "off2"):
            async with running.agent(host) as stub:
                got = await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)
            root = fleet.root()
            accepted = accept.manifest(got.envelope, root, floor=Floor(), now=now())
            assert accept.bundle(accepted, host=host, content=got.bundle).host == host
            timestamp = accept.timestamp(got.timestamp, root, now=now())
            assert accept.freshness(accepted, timestamp, now()) == "fresh"


async def test_a_host_that_holds_the_release_gets_only_the_timestamp(tmp_path: Path) -> None:
    fleet = Fleet()
    release = fleet.release(3, "off1")
    async with serving(fleet, tmp_path) as running, running.agent("off1") as stub:
        await running.publish(release)
        request = agent_pb2.FetchReleaseRequest(manifest_sha256=bytes.fromhex(sha256(release)))
        got = await stub.FetchRelease(request, timeout=SECONDS)
        assert (got.envelope, got.bundle, bool(got.timestamp)) == (b"", b"", True)
        await running.publish(fleet.release(4, "off1"))
        got = await stub.FetchRelease(request, timeout=SECONDS)
        assert got.envelope
        assert got.bundle


@pytest.mark.parametrize("length", [1, 31, 33, 64])
async def test_a_held_hash_of_another_length_is_invalid(tmp_path: Path, length: int) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running, running.agent("off1") as stub:
        await running.publish(fleet.release(1, "off1"))
        request = agent_pb2.FetchReleaseRequest(manifest_sha256=b"x" * length)
        with pytest.raises(aio.AioRpcError) as refused:
            await stub.FetchRelease(request, timeout=SECONDS)
    assert refused.value.code().name == "INVALID_ARGUMENT"


async def test_a_watcher_hears_of_a_release_at_once_and_then_of_the_next(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running, running.agent("off1") as stub:
        await running.publish(fleet.release(1, "off1"))
        stream = stub.Watch(agent_pb2.WatchRequest(), timeout=SECONDS)
        assert (await stream.read()).serial == 1
        newer = fleet.release(2, "off1")
        await running.publish(newer)
        heard = await asyncio.wait_for(stream.read(), 1.0)
        assert (heard.serial, heard.manifest_sha256.hex()) == (2, sha256(newer))
        stream.cancel()


async def test_a_stop_ends_the_streams_that_are_open(tmp_path: Path) -> None:
    fleet = Fleet()
    async with contextlib.AsyncExitStack() as stack:
        running = await stack.enter_async_context(serving(fleet, tmp_path))
        await running.publish(fleet.release(1, "off1"))
        async with running.channel(fleet.host("off1")) as channel:
            stream = agent_pb2_grpc.AgentServiceStub(channel).Watch(agent_pb2.WatchRequest())
            await stream.read()
            await asyncio.wait_for(stack.aclose(), 3.0)
            assert await asyncio.wait_for(stream.read(), 3.0) is grpc.aio.EOF  # type: ignore[attr-defined]


async def test_a_report_is_kept_and_judged(tmp_path: Path) -> None:
    fleet = Fleet()
    release = fleet.release(1, "off1", "off2")
    content = fleet.report("off1", serial=1, manifest_sha256=sha256(release))
    async with serving(fleet, tmp_path) as running:
        await running.publish(release)
        async with running.agent("off1") as stub:
            await stub.Report(agent_pb2.ReportRequest(report=content), timeout=SECONDS)
        async with running.operator() as stub:
            hosts = (await stub.ListHosts(operator_pb2.ListHostsRequest(), timeout=SECONDS)).hosts
            assert [(h.host, h.state) for h in hosts] == [
                ("off1", "converged"),
                ("off2", "awaited"),
            ]
            request = operator_pb2.GetHostRequest(host="off1")
            assert (await stub.GetHost(request, timeout=SECONDS)).report == content
            with pytest.raises(aio.AioRpcError) as missing:
                await stub.GetHost(operator_pb2.GetHostRequest(host="off9"), timeout=SECONDS)
            assert missing.value.code().name == "NOT_FOUND"


async def test_statuses_survive_a_restart(tmp_path: Path) -> None:
    fleet = Fleet()
    release = fleet.release(1, "off1")
    async with serving(fleet, tmp_path) as running:
        await running.publish(release)
        await running.coordinator.report(
            "off1", fleet.report("off1", serial=1, manifest_sha256=sha256(release))
        )
    async with serving(fleet, tmp_path) as running:
        view = running.coordinator.roster().view("off1", now())
        assert view.verdict.state.value == "converged"
        assert view.contacted is not None


BAD_REPORTS: dict[str, dict[str, object]] = {
    "another host's": {"host": "off2"},
    "another site's": {"site": "staging"},
    "one with an endless stream name": {"stream": "x" * 65},
    "one with a nameless stream": {"stream": ""},
    "one with half a character for a stream": {"stream": "\ud800"},
}


@pytest.mark.parametrize("case", BAD_REPORTS)
async def test_a_report_that_is_not_the_callers_is_refused(tmp_path: Path, case: str) -> None:
    fleet = Fleet()
    content = reports.dump(replace(reports.parse(fleet.report("off1")), **BAD_REPORTS[case]))  # type: ignore[arg-type]
    async with serving(fleet, tmp_path) as running, running.agent("off1") as stub:
        await running.publish(fleet.release(1, "off1", "off2"))
        with pytest.raises(aio.AioRpcError) as refused:
            await stub.Report(agent_pb2.ReportRequest(report=content), timeout=SECONDS)
        assert refused.value.code().name == "INVALID_ARGUMENT"
        assert running.coordinator.roster().standings == {}


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"schema": 1'])
async def test_a_malformed_report_is_refused(tmp_path: Path, content: bytes) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running, running.agent("off1") as stub:
        await running.publish(fleet.release(1, "off1"))
        with pytest.raises(aio.AioRpcError) as refused:
            await stub.Report(agent_pb2.ReportRequest(report=content), timeout=SECONDS)
    assert refused.value.code().name == "INVALID_ARGUMENT"


async def test_a_report_that_is_too_large_is_refused(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running, running.agent("off1") as stub:
        await running.publish(fleet.release(1, "off1"))
        request = agent_pb2.ReportRequest(report=b" " * (reports.MAX_REPORT + 1))
        with pytest.raises(aio.AioRpcError) as refused:
            await stub.Report(request, timeout=SECONDS)
    assert refused.value.code().name == "RESOURCE_EXHAUSTED"


async def test_an_older_report_of_the_stream_changes_nothing(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        for stream, sequence in (("a", 5), ("a", 5), ("a", 4), ("b", 1), ("a", 5)):
            await running.coordinator.report(
                "off1", fleet.report("off1", sequence=sequence, stream=stream)
            )
        standing = running.coordinator.roster().standings["off1"].report
        assert (standing.stream, standing.sequence) == ("b", 1)


async def test_one_hosts_words_cannot_make_the_list_unreadable(tmp_path: Path) -> None:
    """A report may hold a megabyte in one string; the list of all hosts must stay small."""
    fleet = Fleet()
    content = fleet.report("off1").replace(
        b'"refused":null',
        b'"refused":{"code":"%b","reason":"\\ud800%b"}' % (b"C" * 9999, b"r" * 900_000),
    )
    async with serving(fleet, tmp_path) as running, running.agent("off1") as stub:
        await running.publish(fleet.release(1, "off1"))
        await stub.Report(agent_pb2.ReportRequest(report=content), timeout=SECONDS)
        async with running.operator() as asking:
            listed = await asking.ListHosts(operator_pb2.ListHostsRequest(), timeout=SECONDS)
    assert listed.hosts[0].state == "refused"
    assert listed.ByteSize() < 2000


async def test_a_host_that_left_the_release_is_retired_also_when_it_falls_silent(
    tmp_path: Path,
) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1", "off2"))
        await running.coordinator.report("off2", fleet.report("off2"))
        await running.publish(fleet.release(2, "off1"))
        roster = running.coordinator.roster()
        assert roster.view("off2", now()).verdict.state.value == "retired"
        later = now() + timedelta(hours=1, minutes=2)
        # It was shut out: that nothing comes from it any more is no news that lasts for ever.
        verdict = roster.view("off2", later).verdict
        assert verdict.state.value == "retired"
        assert verdict.reason == "is not in the newest release; no report for 1 h"
