"""What a report says of each kind of thing that is not right."""

from dataclasses import replace
import json
from pathlib import Path

import pytest

from agent.scenario import NOW, taken
from offctl import errors
from offctl import report as reports
from offctl.observed import ObservedPool, ObservedState, Unknown
from offctl.planner import actions as act
from offctl.planner.plan import Effect, Finding, Origin, Plan, Resource, Step
from offctl.pools import PoolStatus
from offctl.report import Difference, Health, Refused, Report
from offctl_agent import config as configs
from offctl_agent import reporting
from offctl_agent.converge import Run
from offctl_agent.execute import Outcome, Result
from offctl_agent.intake import Intake
from offctl_agent.state import Stream
from planner import case

DATASET = Resource("dataset a", "dataset a")
STEP = Step(
    DATASET,
    "mount",
    Effect.ONLINE,
    Origin.CORRECTIVE,
    act.MountDataset("a", "/a"),
    differences=(Difference("mounted", "not mounted", "/a"),),
)
BLOCKED = Step(DATASET, "set x", Effect.BLOCKED, Origin.WANTED, reason="by hand only")


@pytest.fixture
def config(tmp_path: Path) -> configs.Config:
    path = tmp_path / "agent.toml"
    path.write_text('host = "off2"\n')
    return configs.load(path)


def report(config: configs.Config, run: Run, intake: Intake | None = None) -> Report:
    found = reporting.report(
        config,
        intake or taken(case.desired("")),
        run,
        stream=Stream("a" * 16, 4),
        now=NOW,
        seconds=1.2345,
        events=(),
        notes=("a note",),
        health=Health(),
    )
    assert reports.parse(reports.dump(found)) == found
    return found


@pytest.mark.parametrize(
    ("step", "outcome", "detail", "state", "reason"),
    [
        (STEP, None, "", "drift", "mount: mounted"),
        (BLOCKED, None, "", "blocked", "by hand only"),
        (BLOCKED, Outcome.BLOCKED, "by hand only", "blocked", "by hand only"),
        (STEP, Outcome.FAILED, "zfs: busy", "failed", "zfs: busy"),
        (STEP, Outcome.SKIPPED, "needs dataset b", "skipped", "needs dataset b"),
        (STEP, Outcome.WAITING, "its window", "pending", "mount: mounted (its window)"),
        (STEP, Outcome.OBSERVED, "audit mode", "drift", "mount: mounted (audit mode)"),
        (STEP, Outcome.DONE, "", "failed", "mount: mounted: done, but it is not in effect"),
    ],
)
def test_what_is_left(
    config: configs.Config,
    step: Step,
    outcome: Outcome | None,
    detail: str,
    state: str,
    reason: str,
) -> None:
    results = {} if outcome is None else {("dataset a", step.text): Result(step, outcome, detail)}
    found = report(config, Run(Plan((step,), resources=7), results))
    (status,) = found.resources
    assert (status.resource, status.state, status.reason) == ("dataset a", state, reason)
    assert status.corrective is (step is STEP)
    assert status.differences == step.differences
    assert getattr(found.counts, state) == 1
    assert found.counts.resources == 7


def test_findings_are_reported_in_their_own_words(config: configs.Config) -> None:
    findings = tuple(Finding(DATASET, s, f"why {s}") for s in ("unknown", "orphan", "unmanaged"))
    found = report(config, Run(Plan((), findings)))
    assert [(r.state, r.reason) for r in found.resources] == [
        ("unknown", "why unknown"),
        ("orphan", "why orphan"),
        ("unmanaged", "why unmanaged"),
    ]
    assert (found.counts.unknown, found.counts.orphan, found.counts.unmanaged) == (1, 1, 1)


def test_who_and_what_it_is_about(config: configs.Config) -> None:
    found = report(config, Run(Plan()))
    assert (found.site, found.host, found.serial, found.mode) == (
        "openfoodfacts",
        "off2",
        1,
        "enforce",
    )
    assert (found.stream, found.sequence, found.time) == ("a" * 16, 4, NOW)
    assert (found.seconds_milli, found.interval, found.notes) == (1234, 60, ("a note",))


def test_without_a_release_it_says_what_was_refused(config: configs.Config) -> None:
    refused = Refused("ROLLBACK", "cannot accept release 4")
    nothing = Intake("openfoodfacts", None, refused, "unknown", "no release is believed")
    found = report(config, Run(Plan()), nothing)
    assert (found.serial, found.manifest_sha256, found.bundle_sha256) == (0, "", "")
    assert (found.refused, found.observe_only) == (refused, "no release is believed")


def test_more_than_fits_is_counted(config: configs.Config) -> None:
    many = tuple(
        replace(STEP, resource=Resource(f"dataset {n}", "x"))
        for n in range(reports.MAX_RESOURCES + 5)
    )
    found = report(config, Run(Plan(many)))
    assert (len(found.resources), found.omitted) == (reports.MAX_RESOURCES, 5)
    assert found.counts.drift == reports.MAX_RESOURCES + 5


def test_health_is_measured() -> None:
    health = reporting.health()
    assert 0 < health.memory_available <= health.memory_total
    assert health.agent_memory > 0
    assert health.uptime_seconds > 0


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (
            ObservedPool("tank", "ONLINE", 5, 7, 1772366400),
            PoolStatus("tank", "ONLINE", 5, 7, "2026-03-01T12:00:00Z"),
        ),
        (ObservedPool("tank", "SUSPENDED"), PoolStatus("tank", "SUSPENDED", 0, 0, "")),
        # Numbers that no report can carry and no calendar has must not keep it back.
        (
            ObservedPool("tank", "ONLINE", 2**63, 2**63, 2**62),
            PoolStatus("tank", "ONLINE", 2**53 - 1, 2**53 - 1, ""),
        ),
    ],
)
def test_how_pools_are(config: configs.Config, seen: ObservedPool, expected: PoolStatus) -> None:
    lost = Unknown("not looked at")
    looked = ObservedState(lost, lost, lost, lost, lost, (), space=(seen,))
    found = report(config, Run(Plan(), seen=looked, debts=["container 113 protection=1"]))
    assert found.pools == (expected,)
    assert found.debts == ("container 113 protection=1",)


def test_what_an_older_agent_does_not_say_is_empty(config: configs.Config) -> None:
    event = reports.Event("2026-03-01T12:00:00Z", "dataset a", "set", "wanted", "done")
    document = json.loads(reports.dump(replace(report(config, Run(Plan())), events=(event,))))
    for name in ("pools", "debts"):
        del document[name]
    for name in ("milliseconds", "serial"):
        del document["events"][0][name]
    found = reports.parse(json.dumps(document).encode())
    assert (found.pools, found.debts, found.events) == ((), (), (event,))


@pytest.mark.parametrize(
    "pool",
    [
        {"pool": "tank", "health": "ONLINE", "used": -1, "free": 0, "snapshots": ""},
        {"pool": "tank", "health": "ONLINE", "used": 1.5, "free": 0, "snapshots": ""},
        {"pool": "tank", "health": "ON\x1bLINE", "used": 1, "free": 0, "snapshots": ""},
        {"pool": "tank", "health": "ONLINE", "used": 1, "free": 0},
        {"pool": "tank", "health": "ONLINE", "used": 1, "free": 0, "snapshots": "", "guid": "1"},
        "tank",
    ],
)
def test_pools_that_no_agent_would_write_are_refused(config: configs.Config, pool: object) -> None:
    document = json.loads(reports.dump(report(config, Run(Plan()))))
    document["pools"] = [pool]
    with pytest.raises(errors.MalformedError, match="pools"):
        reports.parse(json.dumps(document).encode())


def test_a_report_of_nothing_but_long_words_ends_too(config: configs.Config) -> None:
    word = "é" * 500
    waits = tuple(reports.Wait(*(word,) * 5) for _ in range(reports.MAX_WAITS))
    content = reports.dump(replace(report(config, Run(Plan())), waits=waits))
    assert len(content) <= reports.MAX_REPORT
    found = reports.parse(content)
    assert len(found.waits) + found.omitted == reports.MAX_WAITS


def test_a_run_that_an_error_ended_says_so_by_the_name_that_others_look_for(
    config: configs.Config,
) -> None:
    (status,) = report(config, Run(Plan(), failure="cannot write x [DISK_FULL]")).resources
    assert (status.resource, status.state) == (reports.AGENT, "failed")
