"""Carrying out plans: the journal first, dependents of what failed left, restarts with consent."""

from dataclasses import replace
import json
from pathlib import Path
import time

import pytest

from fakes.host import FakeHost
from offctl.desired.model import Access
from offctl.errors import AdminError, HostError
from offctl.observed import ObservedState
from offctl.planner import actions as act
from offctl.planner.plan import Effect, Finding, Origin, Plan, Resource, Step
from offctl.report import Difference
from offctl_agent import checksummed, execute
from offctl_agent.execute import Consent, Outcome, Result
from offctl_agent.journal import Journal

EMPTY = ObservedState((), (), (), (), (), ())
ALL = Consent("", lambda _: "", lambda _: "", lambda: True)
REFUSED = HostError("cannot start container 110: no", evidence="pct: status 2")


def step(
    key: str,
    action: act.Action | None,
    *,
    requires: tuple[str, ...] = (),
    effect: Effect = Effect.ONLINE,
    audited: bool = False,
    field: str = "run",
) -> Step:
    return Step(
        Resource(key, key),
        "do",
        effect,
        Origin.WANTED,
        action,
        reason="" if action else "cannot",
        differences=(Difference(field, "absent", "yes"),),
        requires=requires,
        container=getattr(action, "id", 0),
        audited=audited,
    )


def start(number: int, *requires: str) -> Step:
    return step(f"container {number}", act.StartContainer(number, ()), requires=requires)


def restart(number: int) -> Step:
    action = act.RestartContainer(number, ())
    return step(f"container {number}", action, effect=Effect.RESTART)


def carry_out(
    tmp_path: Path,
    *steps: Step,
    host: FakeHost | None = None,
    consent: Consent = ALL,
    findings: tuple[Finding, ...] = (),
    earlier: tuple[Result, ...] = (),
) -> list[Outcome]:
    told: list[Result] = []
    results = execute.execute(
        Plan(steps, findings),
        host or FakeHost(EMPTY),
        Journal(tmp_path / "journal"),
        consent,
        told.append,
        earlier=earlier,
    )
    assert told == results
    return [result.outcome for result in results]


def test_each_intent_is_on_disk_before_its_action(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    seen: list[list[dict[str, object]]] = []

    class Watching(FakeHost):
        def execute(self, action: act.Action) -> None:
            lines = journal.read_bytes().split(b"\n")
            contents = [checksummed.parse_line(line) for line in lines if line]
            seen.append([json.loads(content or b"torn") for content in contents])

    assert carry_out(tmp_path, start(110), start(111), host=Watching(EMPTY)) == [Outcome.DONE] * 2
    assert [len(lines) for lines in seen] == [1, 3]
    assert seen[0][0]["key"] == "container 110"
    assert seen[1][1] == {"number": 1, "outcome": "done"}


def test_only_the_dependents_of_what_failed_are_skipped(tmp_path: Path) -> None:
    host = FakeHost(EMPTY, fail={"MountDataset": REFUSED})
    outcomes = carry_out(
        tmp_path,
        step("dataset a", act.MountDataset("a", "/a")),
        step(
            "directory /a/d",
            act.MakeDirectory("a", "/a", "d", Access()),
            requires=("dataset a",),
        ),
        start(110, "directory /a/d"),
        start(111),
        host=host,
    )
    assert outcomes == [Outcome.FAILED, Outcome.SKIPPED, Outcome.SKIPPED, Outcome.DONE]
    assert [type(action).__name__ for action in host.done] == ["MountDataset", "StartContainer"]


def test_later_steps_of_the_same_resource_are_skipped(tmp_path: Path) -> None:
    host = FakeHost(EMPTY, fail={"SetIdmap": REFUSED})
    outcomes = carry_out(
        tmp_path, step("container 110", act.SetIdmap(110, (), ())), start(110), host=host
    )
    assert outcomes == [Outcome.FAILED, Outcome.SKIPPED]


@pytest.mark.parametrize(
    ("field", "outcome"),
    [("exists", Outcome.SKIPPED), ("mounted", Outcome.SKIPPED), ("recordsize", Outcome.DONE)],
)
def test_what_is_blocked_hinders_only_when_the_thing_is_not_there(
    tmp_path: Path, field: str, outcome: Outcome
) -> None:
    blocked = step("dataset a", None, effect=Effect.BLOCKED, field=field)
    assert carry_out(tmp_path, blocked, start(110, "dataset a")) == [Outcome.BLOCKED, outcome]


def test_what_is_unknown_hinders_an_orphan_does_not(tmp_path: Path) -> None:
    resource = Resource("dataset a", "dataset a")
    unknown, orphan = Finding(resource, "unknown", "x"), Finding(resource, "orphan", "x")
    assert carry_out(tmp_path, start(1, "dataset a"), findings=(unknown,)) == [Outcome.SKIPPED]
    assert carry_out(tmp_path, start(1, "dataset a"), findings=(orphan,)) == [Outcome.DONE]


def test_observing_only_and_audit_touch_nothing(tmp_path: Path) -> None:
    host = FakeHost(EMPTY)
    watching = replace(ALL, observe_only="the release has expired")
    audited = step("container 110", act.ShutDownContainer(110), audited=True)
    assert carry_out(tmp_path, start(110), host=host, consent=watching) == [Outcome.OBSERVED]
    assert carry_out(tmp_path, audited, host=host) == [Outcome.OBSERVED]
    assert host.done == []
    assert not (tmp_path / "journal").exists()


def test_what_needs_a_thing_that_is_only_looked_for_waits(tmp_path: Path) -> None:
    dataset = step("dataset a", act.MountDataset("a", "/a"), audited=True, field="mounted")
    assert carry_out(tmp_path, dataset, start(1, "dataset a"), start(2)) == [
        *(Outcome.OBSERVED, Outcome.SKIPPED, Outcome.DONE)
    ]


def test_an_agent_that_is_stopping_begins_nothing_new(tmp_path: Path) -> None:
    host = FakeHost(EMPTY)
    consent = replace(ALL, go_on=lambda: len(host.done) < 1)
    outcomes = carry_out(tmp_path, start(110), start(111), host=host, consent=consent)
    assert outcomes == [Outcome.DONE, Outcome.OBSERVED]


def test_restarts_need_consent_and_it_is_asked_for_each(tmp_path: Path) -> None:
    consent = replace(ALL, restart=lambda number: "" if number == 111 else "closed")
    host = FakeHost(EMPTY)
    outcomes = carry_out(
        tmp_path, restart(110), restart(111), start(112), host=host, consent=consent
    )
    assert outcomes == [Outcome.WAITING, Outcome.DONE, Outcome.DONE]
    assert host.done[0] == act.RestartContainer(111, ())


def test_the_first_failed_restart_is_the_last(tmp_path: Path) -> None:
    host = FakeHost(EMPTY, fail={"RestartContainer": REFUSED})
    outcomes = carry_out(tmp_path, restart(110), restart(111), start(112), host=host)
    assert outcomes == [Outcome.FAILED, Outcome.WAITING, Outcome.DONE]


def test_what_failed_in_this_run_is_not_tried_again(tmp_path: Path) -> None:
    host = FakeHost(EMPTY)
    earlier = (Result(restart(110), Outcome.FAILED, "no"), Result(start(113), Outcome.DONE))
    later = step("container 110", act.StartContainer(110, ()))
    outcomes = carry_out(
        tmp_path, restart(110), later, restart(111), start(113), host=host, earlier=earlier
    )
    assert outcomes == [Outcome.SKIPPED, Outcome.WAITING, Outcome.DONE]
    assert host.done == [act.StartContainer(113, ())]


def test_the_words_of_a_failure_are_kept(tmp_path: Path) -> None:
    results = execute.execute(
        Plan((start(110),)),
        FakeHost(EMPTY, fail={"StartContainer": REFUSED}),
        Journal(tmp_path / "journal"),
        ALL,
        lambda _: None,
    )
    assert results[0].detail == "cannot start container 110: no: pct: status 2"
    assert [r.outcome for r in Journal(tmp_path / "journal").recover()] == ["failed"]


def test_without_a_journal_nothing_is_done(tmp_path: Path) -> None:
    host = FakeHost(EMPTY)
    (tmp_path / "journal").mkdir()
    with pytest.raises(AdminError, match="cannot write"):
        carry_out(tmp_path, start(110), host=host)
    assert host.done == []


@pytest.mark.parametrize("fails", [False, True])
def test_how_long_it_took_is_told_of_what_was_tried(tmp_path: Path, *, fails: bool) -> None:
    def slowly(host: FakeHost, _: act.Action) -> ObservedState:
        time.sleep(0.03)
        return host.observed

    host = FakeHost(EMPTY, after={"StartContainer": slowly})
    if fails:
        host.fail["StartContainer"] = REFUSED
    plan = Plan((start(110), step("container 111", None)))
    tried, left = execute.execute(plan, host, Journal(tmp_path / "journal"), ALL, lambda _: None)
    assert 30 <= tried.milliseconds < 3000
    assert left.milliseconds == 0
