"""The database is gone, cut off, crashed, or from an old backup; and it comes back."""

import functools
from pathlib import Path
import signal

import grpc
from grpc import aio
import pytest

from coordinator.several import SOON, accepted, coordinator, everywhere, heard, pair, until
from offctl import errors
from offctl.api.health.v1 import health_pb2, health_pb2_grpc
from offctl.api.v1 import agent_pb2, operator_pb2
from transport.cluster import Cluster
from transport.fleet import Fleet, Running


async def test_a_database_from_a_backup_gets_back_what_it_lost(
    tmp_path: Path, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    async with pair(tmp_path, cluster) as at:
        for serial in (1, 2):
            await at.one.publish(at.fleet.release(serial, "off1"))
        await at.know(2)
        cluster.sql(
            at.url,
            "DELETE FROM release_hosts WHERE serial = 2; DELETE FROM releases WHERE serial = 2;"
            "UPDATE meta SET value = '' WHERE name = 'rollout'; NOTIFY offctl, 'backup release'",
        )
        await until(lambda: cluster.sql(at.url, "SELECT max(serial) FROM releases") == "2")
        assert at.serials() == (2, 2)
        assert "the database went back to release 1" in caplog.text


async def test_a_coordinator_that_starts_on_an_old_database_serves_nobody_less(
    tmp_path: Path, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    url, fleet = cluster.database(), Fleet()
    async with coordinator(fleet, tmp_path, url, "one") as one:
        for serial in (1, 2):
            await one.publish(fleet.release(serial, "off1"))
    cluster.sql(
        url, "DELETE FROM release_hosts WHERE serial = 2; DELETE FROM releases WHERE serial = 2"
    )
    async with coordinator(fleet, tmp_path, url, "one") as one:
        assert one.coordinator.roster().publication is None
        assert "release 1 in the database is not accepted [ROLLBACK]" in caplog.text
        with pytest.raises(errors.NotFoundError):
            await one.coordinator.fetch("off1", "")


async def test_without_the_database_nobody_is_served_and_it_comes_back_by_itself(
    tmp_path: Path, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    async with pair(tmp_path, cluster) as at:
        release = at.fleet.release(1, "off1")
        await at.one.publish(release)
        await at.know(1)
        cluster.stop()
        try:
            await everywhere(at, lambda e: not heard(e.coordinator))
            async with at.one.agent("off1") as agent, at.one.operator() as operator:
                calls = (
                    agent.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SOON),
                    agent.Report(
                        agent_pb2.ReportRequest(report=at.fleet.report("off1", 1)), timeout=SOON
                    ),
                    operator.ListHosts(operator_pb2.ListHostsRequest(), timeout=SOON),
                    operator.History(operator_pb2.HistoryRequest(), timeout=SOON),
                )
                for call in calls:
                    with pytest.raises(aio.AioRpcError) as refused:
                        await call
                    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
                    assert refused.value.details() == "DATABASE: the database does not answer"
            assert await health(at.one) == health_pb2.HealthCheckResponse.NOT_SERVING
            for _ in range(3):
                with pytest.raises(errors.UnreachableError):
                    await at.one.coordinator.publish(at.fleet.release(2, "off1"), "desk")
        finally:
            cluster.start()
        await everywhere(at, lambda e: heard(e.coordinator))
        assert await health(at.one) == health_pb2.HealthCheckResponse.SERVING
        assert caplog.text.count("hosts and operators are not served") == 2
        await at.two.publish(at.fleet.release(2, "off1"))
        await at.know(2)


async def health(at: Running) -> int:
    async with at.channel(at.fleet.operator) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        found = await stub.Check(health_pb2.HealthCheckRequest(), timeout=SOON)
        return int(found.status)


async def test_what_was_said_while_nobody_heard_is_read_anew(
    tmp_path: Path, cluster: Cluster
) -> None:
    async with pair(tmp_path, cluster) as at:
        await at.one.publish(at.fleet.release(1, "off1"))
        await at.know(1)
        # The listener that came last is cut off; what is published meanwhile is not told to it.
        cluster.sql(
            at.url,
            "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE 'SELECT 1' "
            "ORDER BY backend_start DESC LIMIT 1) newest",
        )
        release = at.fleet.release(2, "off1")
        await at.one.publish(release)
        await at.report(at.one, release, "off1")
        await at.know(2)
        await until(lambda: "off1" in at.two.coordinator.hosts.standings)


async def test_a_cluster_that_crashes_loses_nothing_that_was_answered(
    tmp_path: Path, cluster: Cluster
) -> None:
    async with pair(tmp_path, cluster) as at:
        for serial in range(1, 4):
            release = at.fleet.release(serial, "off1")
            await accepted(functools.partial(at.one.publish, release))
            await accepted(functools.partial(at.report, at.two, release, "off1"))
            cluster.stop(signal.SIGQUIT)
            cluster.start()
            await everywhere(at, lambda e: heard(e.coordinator))
            await at.know(serial)
            assert cluster.sql(at.url, "SELECT max(serial) FROM releases") == str(serial)
            assert cluster.sql(at.url, "SELECT count(*) FROM reports") == str(serial)
