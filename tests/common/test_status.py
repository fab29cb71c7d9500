"""The coordinator's verdict: the worst that is true of a host, each truth with its own word."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from offctl import errors, status
from offctl import report as reports
from offctl.report import (
    Counts,
    Difference,
    Event,
    Refused,
    Report,
    ResourceStatus,
    TunnelStatus,
    Wait,
)
from offctl.status import Current, State

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CURRENT = Current(7, "a" * 64)

GOOD = Report(
    site="openfoodfacts",
    host="off2",
    stream="0" * 16,
    sequence=1,
    time=NOW,
    software="0.1.0",
    mode="enforce",
    serial=7,
    manifest_sha256="a" * 64,
    bundle_sha256="b" * 64,
    freshness="fresh",
    interval=60,
    seconds_milli=20,
    counts=Counts(resources=10),
)
HOLD = Wait("hold", "host off2", "2026-03-01T14:00:00Z", "restore", "`offctl-agent hold --release`")


def judged(report: Report | None, *, age: int = 5, released: bool = True) -> status.Verdict:
    received = None if report is None else NOW - timedelta(seconds=age)
    return status.judge(report, received=received, current=CURRENT, released=released, now=NOW)


CASES = {
    "all right": (GOOD, State.CONVERGED),
    "never reported": (None, State.AWAITED),
    "refused": (replace(GOOD, refused=Refused("ROLLBACK", "older")), State.REFUSED),
    "failed": (replace(GOOD, counts=Counts(failed=1)), State.FAILED),
    "expired": (replace(GOOD, freshness="expired"), State.EXPIRED),
    "could not read": (replace(GOOD, counts=Counts(unknown=2)), State.UNKNOWN),
    "no fresh word": (replace(GOOD, freshness="stale"), State.STALE),
    "never a word": (replace(GOOD, freshness="unknown"), State.STALE),
    "blocked": (replace(GOOD, counts=Counts(blocked=1)), State.BLOCKED),
    "only skipped": (replace(GOOD, counts=Counts(skipped=1)), State.BLOCKED),
    "held": (replace(GOOD, counts=Counts(held=1), waits=(HOLD,)), State.HELD),
    "held and older": (
        replace(GOOD, counts=Counts(held=1), waits=(HOLD,), manifest_sha256="c" * 64),
        State.HELD,
    ),
    "held, but right": (replace(GOOD, waits=(HOLD,)), State.CONVERGED),
    "older release": (replace(GOOD, serial=6, manifest_sha256="c" * 64), State.BEHIND),
    "same serial, other content": (replace(GOOD, manifest_sha256="c" * 64), State.BEHIND),
    "drift": (replace(GOOD, counts=Counts(drift=1)), State.DRIFT),
    "audit": (replace(GOOD, counts=Counts(drift=1), observe_only="audit mode"), State.DRIFT),
    "restart waits": (replace(GOOD, counts=Counts(pending=1)), State.PENDING),
    "only unmanaged things": (replace(GOOD, counts=Counts(unmanaged=4, orphan=1)), State.CONVERGED),
}


@pytest.mark.parametrize("name", CASES)
def test_each_truth_has_its_word(name: str) -> None:
    report, expected = CASES[name]
    assert judged(report).state is expected


def test_words_are_told_worst_first() -> None:
    everything = replace(
        GOOD,
        counts=Counts(failed=1, unknown=1, blocked=1, held=1, drift=1, pending=1),
        freshness="stale",
        manifest_sha256="c" * 64,
    )
    order = [State.FAILED, State.UNKNOWN, State.STALE, State.BLOCKED, State.BEHIND, State.DRIFT]
    changes: tuple[dict[str, object], ...] = (
        {},
        {"counts": replace(everything.counts, failed=0)},
        {"counts": Counts(blocked=1, drift=1, pending=1)},
        {"counts": Counts(blocked=1, drift=1, pending=1), "freshness": "fresh"},
        {"counts": Counts(drift=1, pending=1), "freshness": "fresh"},
        {"counts": Counts(drift=1), "freshness": "fresh", "manifest_sha256": "a" * 64},
    )
    states = [judged(replace(everything, **change)).state for change in changes]  # type: ignore[arg-type]
    assert states == order


def test_a_host_that_must_stay_as_it_is_says_so_also_when_it_is_right() -> None:
    verdict = judged(replace(GOOD, waits=(HOLD,)))
    assert (verdict.code, verdict.reason) == (
        "HOLD",
        "hold on host off2 until 2026-03-01T14:00:00Z: restore",
    )


@pytest.mark.parametrize(
    ("interval", "age", "expected"),
    [
        (60, 180, State.CONVERGED),
        (60, 181, State.SILENT),
        (1, 30, State.CONVERGED),
        (1, 31, State.SILENT),
        (3600, 10_800, State.CONVERGED),
    ],
)
def test_silence_is_three_of_the_hosts_own_intervals(
    interval: int, age: int, expected: State
) -> None:
    assert judged(replace(GOOD, interval=interval), age=age).state is expected


def test_a_silent_host_is_silent_whatever_it_last_said() -> None:
    assert judged(replace(GOOD, counts=Counts(failed=3)), age=1000).state is State.SILENT


def test_a_silent_host_whose_courier_calls_is_told_apart() -> None:
    told = {"received": NOW - timedelta(hours=2), "current": CURRENT, "released": True, "now": NOW}
    gone = status.judge(GOOD, **told, contacted=NOW - timedelta(hours=1))  # type: ignore[arg-type]
    busy = status.judge(GOOD, **told, contacted=NOW - timedelta(seconds=5))  # type: ignore[arg-type]
    assert (gone.state, gone.reason) == (State.SILENT, "no report for 2 h")
    assert busy.state is State.SILENT
    assert busy.reason.startswith("no report for 2 h; its courier calls")


def test_a_host_that_left_the_release_is_retired() -> None:
    verdict = judged(GOOD, released=False)
    assert (verdict.state, verdict.code) == (State.RETIRED, "")
    assert verdict.reason == "is not in the newest release; it still reports"


def test_a_host_that_was_shut_out_and_falls_silent_is_not_broken_for_ever() -> None:
    verdict = judged(GOOD, released=False, age=7200)
    assert (verdict.state, verdict.reason) == (
        State.RETIRED,
        "is not in the newest release; no report for 2 h",
    )


def test_the_reason_names_the_first_resource_and_how_many_more() -> None:
    wrong = ResourceStatus("container 113 off", "failed", "start: no such directory")
    verdict = judged(replace(GOOD, counts=Counts(failed=3), resources=(wrong,)))
    assert verdict.reason == "container 113 off: start: no such directory (and 2 more)"


def test_a_report_reads_back_as_it_was_written() -> None:
    assert reports.parse(reports.dump(GOOD)) == GOOD


def test_a_report_of_before_proofs_had_an_age_is_read() -> None:
    end = TunnelStatus(
        "redis", "client", 113, "off", "6379", "off2", 1, "proven", "2026-03-01T11:00:00Z", ""
    )
    found = replace(GOOD, tunnels=(end,))
    older = reports.dump(found).replace(b',"proven_at":""', b"")
    assert b"proven_at" not in older
    assert reports.parse(older) == found


def test_a_huge_report_is_cut_and_says_so() -> None:
    many = tuple(ResourceStatus(f"dataset {n}", "drift", "x" * 400) for n in range(5000))
    content = reports.dump(replace(GOOD, resources=many))
    assert len(content) <= reports.MAX_REPORT
    read = reports.parse(content)
    assert len(read.resources) + read.omitted == 5000
    assert read.resources


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"nonsense",
        b"[" * 100_000,
        b'{"schema": 1, "schema": 1}',
        reports.dump(GOOD).replace(b'"schema":1', b'"schema":2'),
        reports.dump(GOOD).replace(b'"sequence":1', b'"sequence":true'),
        reports.dump(GOOD).replace(b'"sequence":1', b'"sequence":-1'),
        reports.dump(GOOD).replace(b'"fresh"', b'"golden"'),
        reports.dump(GOOD).replace(b'"interval":60', b'"interval":0'),
        reports.dump(GOOD).replace(b'"site"', b'"sight"'),
        reports.dump(GOOD).replace(b'"off2"', b'"off\\u001b[2J"'),
        reports.dump(GOOD).replace(b"2026-03-01T12:00:00Z", b"yesterday"),
        b" " * (reports.MAX_REPORT + 1),
    ],
)
def test_what_is_not_a_report_is_refused(content: bytes) -> None:
    with pytest.raises(errors.MalformedError):
        reports.parse(content)


@given(st.text(max_size=600), st.text(max_size=50))
@settings(derandomize=True, max_examples=300)
def test_whatever_a_host_says_can_be_reported(text: str, name: str) -> None:
    difference = Difference(name, text, "x")
    wrong = ResourceStatus(name, "failed", text, differences=(difference,))
    event = Event("2026-03-01T12:00:00Z", name, "set", "wanted", "failed", text, (difference,))
    read = reports.parse(reports.dump(replace(GOOD, resources=(wrong,), events=(event,))))
    assert len(read.resources) == len(read.events) == 1


def test_nobody_is_silent_for_longer_than_somebody_listens() -> None:
    received, since = NOW - timedelta(hours=2), NOW - timedelta(seconds=20)
    told = {"received": received, "current": CURRENT, "released": True, "now": NOW}
    assert status.judge(GOOD, **told).state is State.SILENT  # type: ignore[arg-type]
    fresh = status.judge(GOOD, **told, since=since)  # type: ignore[arg-type]
    assert fresh.state is State.CONVERGED


def test_a_report_that_was_long_on_its_way_says_nothing_about_now() -> None:
    old = replace(GOOD, time=NOW - timedelta(hours=5))
    assert judged(old, age=1).state is State.SILENT
    assert status.told_at(old, NOW) == old.time
    ahead = replace(GOOD, time=NOW + timedelta(hours=5))
    assert status.told_at(ahead, NOW) == NOW


DECADE = timedelta(days=3653)


def test_a_report_from_the_future_says_nothing_for_ten_years() -> None:
    """The coordinator's clock was ahead when it came in; then the host died."""
    ahead = replace(GOOD, time=NOW + DECADE)
    verdict = status.judge(
        ahead, received=NOW + DECADE, current=CURRENT, released=True, now=NOW, since=NOW - DECADE
    )
    assert verdict.state is State.SILENT
    assert "since this clock jumped back from" in verdict.reason
    started = status.judge(
        ahead, received=NOW + DECADE, current=CURRENT, released=True, now=NOW, since=NOW + DECADE
    )
    assert started.state is State.SILENT


def test_a_host_whose_clock_is_known_to_be_behind_is_not_silent() -> None:
    behind = replace(
        GOOD, time=NOW - DECADE, code="CLOCK", refused=Refused("CLOCK", "the clock here says")
    )
    found = status.judge(
        behind, received=NOW, current=CURRENT, released=True, now=NOW + timedelta(seconds=5)
    )
    assert (found.state, found.code) == (State.REFUSED, "CLOCK")


def test_the_reason_is_that_of_the_first_in_this_state() -> None:
    listed = (
        ResourceStatus("dataset tank/a", "pending", "waits"),
        ResourceStatus("dataset tank/b", "failed", "pool is full"),
    )
    found = judged(replace(GOOD, counts=Counts(failed=1, pending=1), resources=listed))
    assert found.reason == "dataset tank/b: pool is full"
    missing = judged(replace(GOOD, counts=Counts(failed=3), resources=listed[:1]))
    assert missing.reason == "3 resources"


def test_two_machines_with_one_key_are_told_for_a_while() -> None:
    for seconds, expected in ((300, State.DUPLICATE), (400, State.CONVERGED)):
        seen = NOW - timedelta(seconds=seconds)
        found = status.judge(
            GOOD, received=NOW, current=CURRENT, released=True, now=NOW, duplicated=seen
        )
        assert found.state is expected
