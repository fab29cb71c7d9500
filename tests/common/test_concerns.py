"""What an operator should know besides the states of hosts: graded; nothing of what is well."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from offctl import concerns
from offctl.concerns import Grade
from offctl.report import PoolStatus, Report, TunnelStatus, Wait

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
TIB = 1 << 40
OLD = "2026-01-01T00:00:00Z"
POOL = PoolStatus("zfs-hdd", "ONLINE", 79 * TIB, 21 * TIB, "2026-03-10T11:00:00Z")


def report(host: str, **changes: object) -> Report:
    values = Report(
        *("site", host, "0" * 16, 1, NOW, "0.1.0", "enforce", 7, "a" * 64, "b" * 64, "fresh"),
        interval=60,
        seconds_milli=20,
    )
    return replace(values, **changes)  # type: ignore[arg-type]


def found(*reports: Report | None, now: datetime = NOW) -> list[concerns.Concern]:
    named = {f"silent{n}" if r is None else r.host: r for n, r in enumerate(reports)}
    return concerns.concerns(named, now)


@pytest.mark.parametrize(
    ("changes", "grade", "reason"),
    [
        ({}, None, ""),
        ({"snapshots": ""}, None, ""),
        ({"snapshots": "2026-03-09T00:00:00Z"}, None, ""),
        (
            {"snapshots": "2026-03-08T23:59:59Z"},
            Grade.ATTENTION,
            "snapshots unchanged since 2026-03-08",
        ),
        ({"health": "DEGRADED"}, Grade.ATTENTION, "DEGRADED"),
        ({"health": "SUSPENDED"}, Grade.BROKEN, "SUSPENDED"),
        ({"health": "FAULTED", "used": 0, "free": 0}, Grade.BROKEN, "FAULTED"),
        ({"health": ""}, Grade.BROKEN, "in no state"),
        ({"used": 80 * TIB, "free": 20 * TIB}, Grade.ATTENTION, "80 % full, 20.0 TiB free"),
        ({"used": 95 * TIB, "free": 5 * TIB}, Grade.BROKEN, "95 % full, 5.0 TiB free"),
        ({"used": 949 * TIB, "free": 51 * TIB}, Grade.ATTENTION, "94 % full, 51.0 TiB free"),
        ({"used": 9 << 30, "free": 1 << 30}, Grade.ATTENTION, "90 % full, 1.0 GiB free"),
        (
            {
                "health": "DEGRADED",
                "used": 99 * TIB,
                "free": TIB,
                "snapshots": "2026-01-01T00:00:00Z",
            },
            Grade.BROKEN,
            "DEGRADED; 99 % full, 1.0 TiB free; snapshots unchanged since 2026-01-01",
        ),
    ],
)
def test_a_pool_is_told_of_when_something_is_wrong(
    changes: dict[str, object], grade: Grade | None, reason: str
) -> None:
    pool = replace(POOL, **changes)  # type: ignore[arg-type]
    told = found(report("off1", pools=(pool,)))
    assert [(each.grade, each.reason) for each in told] == ([(grade, reason)] if grade else [])
    assert all((each.kind, each.host, each.subject) == ("pool", "off1", "zfs-hdd") for each in told)


def end(role: str, state: str, generation: int = 1, reason: str = "") -> TunnelStatus:
    peer = {"client": "off2", "server": "off1"}[role]
    place = ("mongo", role, 113, "off", "127.0.0.1:27017", peer, generation, state)
    return TunnelStatus(*place, "2026-03-10T09:00:00Z", reason)


@pytest.mark.parametrize(
    ("client", "server", "grade", "reason"),
    [
        (("proven", 1), ("loaded", 1), None, ""),
        (("proven", 2), ("loaded", 2), None, ""),
        (("broken", 1), ("loaded", 1), Grade.BROKEN, "broken at the client end on off1: why"),
        (("broken", 1), ("down", 1), Grade.BROKEN, "down at the server end on off2: why"),
        (("not loaded", 1), ("loaded", 1), Grade.ATTENTION, "not loaded at the client end on off1"),
        (("proven", 1), ("unknown", 1), Grade.ATTENTION, "unknown at the server end on off2: why"),
        (("proven", 1), ("loaded", 2), Grade.NOTE, "between two keys: uses 1, accepts 2"),
    ],
)
def test_a_tunnel_is_told_of_once_for_both_of_its_ends(
    client: tuple[str, int], server: tuple[str, int], grade: Grade | None, reason: str
) -> None:
    told = found(
        report("off1", tunnels=(end("client", *client, "why"),)),
        report("off2", tunnels=(end("server", *server, "why"),)),
    )
    assert [each.grade for each in told] == ([grade] if grade else [])
    assert all(each.reason.startswith(reason) and each.host == "off1" for each in told)


def test_a_tunnel_to_somebody_silent_is_not_told_of_for_that() -> None:
    right = report("off1", tunnels=(end("client", "proven"),))
    assert concerns.concerns({"off1": right, "off2": None}, NOW) == []


@pytest.mark.parametrize(
    ("kind", "grade"),
    [
        ("hold", Grade.NOTE),
        ("freeze", Grade.NOTE),
        ("approval", Grade.ATTENTION),
        ("undone", None),  # its host has failed, and says so
    ],
)
def test_what_keeps_a_host_as_it_is(kind: str, grade: Grade | None) -> None:
    wait = Wait(kind, "host off1", "2026-03-11T00:00:00Z", "a new disk", "approve 1234")
    told = found(report("off1", waits=(wait,)))
    assert [each.grade for each in told] == ([grade] if grade else [])
    assert all(each.until == wait.until and wait.reason in each.reason for each in told)


def test_a_debt_is_a_note() -> None:
    (told,) = found(report("off1", debts=("container 113 protection=1",)))
    assert (told.grade, told.subject) == (Grade.NOTE, "container 113 protection=1")


def test_worst_first_and_nothing_of_who_is_silent() -> None:
    told = found(
        report("off1", debts=("container 1 onboot=1",), pools=(replace(POOL, health="DEGRADED"),)),
        report("off2", pools=(replace(POOL, health="UNAVAIL"),)),
        None,
    )
    assert [(each.grade.value, each.host) for each in told] == [
        ("broken", "off2"),
        ("attention", "off1"),
        ("note", "off1"),
    ]
