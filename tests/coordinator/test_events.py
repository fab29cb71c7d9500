"""What happened, as the coordinator keeps it: each once, in order, bounded, found by an index."""

from datetime import UTC, datetime, timedelta
import hashlib
from pathlib import Path
import sqlite3
from typing import Any

import pytest
from sqlalchemy.dialects import sqlite as dialect

from offctl import report as reports
from offctl.api.v1 import operator_pb2
from offctl.tables import INSTANT
from offctl_coordinator.store import events as rows
from offctl_coordinator.store import sql, sqlite
from offctl_coordinator.store.records import EventRecord, ReleaseRecord
from transport.fleet import Fleet, Running, now, serving, sha256

SECONDS = 5.0
NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def record(host: str, text: str) -> EventRecord:
    return EventRecord(host, hashlib.sha256(text.encode()).hexdigest(), NOON, text.encode())


def contents(records: tuple[EventRecord, ...]) -> list[str]:
    return [each.content.decode() for each in records]


def test_each_is_kept_once_for_its_host(tmp_path: Path) -> None:
    with sqlite.opened(tmp_path / "db") as store:
        assert store.add_events((record("off1", "a"), record("off1", "b"))) == 2
        assert store.add_events((record("off1", "b"), record("off1", "c"))) == 1
        assert store.add_events((record("off2", "a"),)) == 1
    with sqlite.opened(tmp_path / "db") as store:
        assert contents(store.events("", 0, 9)) == ["a", "b", "c", "a"]
        assert contents(store.events("off1", 0, 9)) == ["a", "b", "c"]
        assert contents(store.events("off1", 0, 2)) == ["b", "c"]
        assert contents(store.events("", 2, 1)) == ["c"]
        assert contents(store.events("off2", 4, 9)) == []
        assert store.newest_event() == 4


def test_one_host_that_says_much_costs_the_others_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "KEPT_EVENTS", 5)
    with sqlite.opened(tmp_path / "db") as store:
        store.add_events((record("off2", "quiet"),))
        for number in range(40):
            store.add_events((record("off1", f"loud {number}"),))
        assert contents(store.events("off1", 0, 99)) == [f"loud {n}" for n in range(35, 40)]
        assert contents(store.events("off2", 0, 99)) == ["quiet"]
        # Numbers are never given again.
        assert store.newest_event() == 41


def test_history_is_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "KEPT_RELEASES", 3)
    fleet = Fleet()
    with sqlite.opened(tmp_path / "db") as store:
        for serial in range(1, 8):
            release = fleet.release(serial, "off1")
            store.add_release(ReleaseRecord(serial, sha256(release), release, NOON, "desk"))
        assert [each.serial for each in store.history(99)] == [7, 6, 5]
        assert store.newest_release() is not None
    connection = sqlite3.connect(tmp_path / "db")
    assert connection.execute("SELECT count(*) FROM release_hosts").fetchall() == [(3,)]
    connection.close()


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (rows.page("off1", 0, 10), "events_of_host"),
        (rows.page("off1", 7, 10), "events_of_host"),
        (rows.page("", 7, 10), "INTEGER PRIMARY KEY"),
        (rows.page("", 0, 10), ""),  # from the end of the table, in its own order
        (rows.oldest("off1"), "events_of_host"),
        (rows.newest(), ""),
    ],
)
def test_every_query_has_its_index(tmp_path: Path, statement: Any, index: str) -> None:
    with sqlite.opened(tmp_path / "db"):
        pass
    text = statement.compile(dialect=dialect.dialect(), compile_kwargs={"literal_binds": True})
    connection = sqlite3.connect(tmp_path / "db")
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}")]
    connection.close()
    assert not any("TEMP B-TREE" in step for step in plan), plan
    assert index in plan[0], plan
    assert plan[0].startswith("SEARCH") or not index, plan


def event(minute: int, outcome: str = "done", **changes: object) -> reports.Event:
    values: dict[str, object] = {
        "time": (NOON + timedelta(minutes=minute)).strftime(INSTANT),
        "resource": "dataset tank/a",
        "action": "set properties",
        "origin": "corrective",
        "outcome": outcome,
        "differences": (reports.Difference("atime", "on", "off"),),
        "milliseconds": 1200,
        "serial": 6,
        **changes,
    }
    return reports.Event(**values)  # type: ignore[arg-type]


async def listed(running: Running, **asked: Any) -> operator_pb2.ListEventsResponse:
    async with running.operator() as stub:
        request = operator_pb2.ListEventsRequest(**asked)
        found: operator_pb2.ListEventsResponse = await stub.ListEvents(request, timeout=SECONDS)
        return found


async def test_what_hosts_did_is_kept_once_however_often_it_is_told(tmp_path: Path) -> None:
    fleet = Fleet()
    first, second = event(1), event(2, "failed", detail="pool is full")
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(7, "off1"))
        tell = running.coordinator.report
        await tell("off1", fleet.report("off1", 1, serial=7, events=(first,)))
        await tell("off1", fleet.report("off1", 2, serial=7, events=(first, second)))
    # After a restart the coordinator has forgotten what it heard; a new release is there.
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(8, "off1"))
        tell = running.coordinator.report
        third = event(3, serial=0)
        told = fleet.report("off1", 3, serial=8, events=(first, second, third))
        await tell("off1", told)
        found = await listed(running, host="off1")
        assert [(e.time[14:16], e.outcome, e.serial) for e in found.events] == [
            ("01", "done", 6),
            ("02", "failed", 6),
            ("03", "done", 8),
        ]
        newest = found.events[1]
        assert (newest.kind, newest.host, newest.resource) == ("action", "off1", "dataset tank/a")
        assert (newest.origin, newest.detail, newest.milliseconds) == (
            *("corrective", "pool is full"),
            1200,
        )
        assert [(c.field, c.before, c.after) for c in newest.changes] == [("atime", "on", "off")]
        kinds = [(e.kind, e.host, e.serial) for e in (await listed(running)).events]
        assert kinds[0] == ("publish", "", 7)
        assert ("publish", "", 8) in kinds
        after = await listed(running, after=found.events[1].number)
        assert [e.number for e in after.events] == sorted(e.number for e in after.events)
        assert after.newest == after.events[-1].number


async def test_what_others_changed_is_told_with_who_did_it(tmp_path: Path) -> None:
    fleet = Fleet()
    stop = reports.Unasked(
        *("container 113 off", "run", "stopped", "running", "", "2026-01-02T12:05:00Z"),
        *("2026-01-02T12:04:00Z", "alice@pve", "vzstop", ""),
    )
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(7, "off1"))
        await running.coordinator.report("off1", fleet.report("off1", 1, unasked=(stop,)))
        (found,) = (await listed(running, host="off1")).events
    assert (found.kind, found.who, found.action, found.time[11:16]) == (
        *("unasked", "alice@pve", "vzstop"),
        "12:04",
    )
    assert [(c.field, c.before, c.after) for c in found.changes] == [("run", "running", "stopped")]


async def test_steering_and_halting_are_told(tmp_path: Path) -> None:
    fleet = Fleet()
    release = fleet.release(7, "off1")
    async with serving(fleet, tmp_path) as running:
        await running.publish(release)
        async with running.operator() as stub:
            pause = operator_pb2.SteerRolloutRequest(
                order="ORDER_PAUSE", serial=7, wave=1, reason="the fair"
            )
            await stub.SteerRollout(pause, timeout=SECONDS)
        failed = reports.ResourceStatus("dataset tank/a", "failed", "pool is full")
        content = fleet.report(
            *("off1", 1),
            serial=7,
            manifest_sha256=sha256(release),
            counts=reports.Counts(1, failed=1),
            resources=(failed,),
        )
        await running.coordinator.report("off1", content)
        found = [(e.kind, e.who, e.action) for e in (await listed(running)).events]
    assert found == [
        ("publish", "desk", "published release 7 for 1 host"),
        ("rollout", "desk", "pause at wave 1: the fair"),
        ("rollout", "", "halted: off1: dataset tank/a: pool is full"),
    ]


async def test_what_cannot_be_read_back_hides_nothing_else(tmp_path: Path) -> None:
    fleet = Fleet()
    with sqlite.opened(tmp_path / "coordinator.db") as store:
        store.add_events((record("off1", "no JSON"), record("off1", '{"kind": 1}')))
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(7, "off1"))
        found = await listed(running)
    assert [(e.kind, e.number) for e in found.events] == [("publish", 3)]


async def test_a_page_fits_into_a_message_whatever_hosts_write(tmp_path: Path) -> None:
    fleet = Fleet()
    wide = tuple(reports.Difference("f" * 400, "b" * 400, "a" * 400) for _ in range(50))
    many = tuple(event(n, resource="r" * 500, differences=wide) for n in range(3))
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(7, "off1"))
        await running.coordinator.report("off1", fleet.report("off1", 1, events=many, time=now()))
        found = await listed(running, host="off1", limit=100_000)
    assert [len(e.changes) for e in found.events] == [10, 10, 10]
    assert max(e.ByteSize() for e in found.events) < 16 * 1024 * 1024 / 500
