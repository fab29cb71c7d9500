"""Stopped in the middle and going on much later: nothing is done by a plan that is old by then."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent.scenario import NOW, TEMPLATE, Scene, taken
from agent.trying import FEWER, PROBE, TTYS, ask, ready
from offctl.desired.model import DesiredState
from offctl.observed import ObservedState
from offctl.planner.actions import (
    Action,
    CreateDataset,
    RestartContainer,
    SetProperties,
    StartContainer,
)
from offctl_agent import converge, rounds
from offctl_agent.circumstances import Circumstances
from offctl_agent.execute import Result
from offctl_agent.host.traces import Traces
from offctl_agent.simulated.host import SimulatedHost
from planner import case

TWO = "".join(
    f'[[container]]\nid = {number}\ntemplate = "{TEMPLATE}"\noptions = {{ tty = "2" }}\n'
    for number in (113, 114)
)
CHANGED = TWO.replace('tty = "2"', 'tty = "3"')
NINE = "".join(f'[[dataset]]\nname = "zfs-hdd/d{number}"\n' for number in range(9))
ONE = '[[dataset]]\nname = "zfs-hdd/d0"\n'
SETTINGS = "".join(
    f'[[dataset]]\nname = "zfs-hdd/d{number}"\nproperties = {{ compression = "zstd" }}\n'
    for number in range(3)
)
FAULT = """
[[command]]
argv = ["zfs", "create"]
"""
TEN_MINUTES = timedelta(minutes=10)


@dataclass
class Slow:
    """A host for which time passes: `look` for a look, `act` for an action, and once for `stop`.

    The stop comes with the action numbered `at` (from 1), or `between` two looks of a probe, and
    `meanwhile` others work. A clock that is `blind` counts no seconds meanwhile, but is told the
    time afterwards.
    """

    host: SimulatedHost
    look: timedelta = timedelta()
    act: timedelta = timedelta()
    stop: timedelta = timedelta()
    at: int = 0
    between: bool = False
    meanwhile: Callable[[], None] = lambda: None
    blind: bool = False
    time: datetime = NOW
    seconds: float = 0.0
    done: list[Action] = field(default_factory=list)
    looks: int = 0

    def pass_by(self, span: timedelta) -> None:
        self.time += span
        self.seconds += 0 if self.blind else span.total_seconds()

    def observe(self, desired: DesiredState) -> ObservedState:
        self.looks += 1
        found = self.host.observe(desired)
        self.pass_by(self.look)
        return found

    def probe(self, number: int, command: tuple[str, ...]) -> str:
        return self.host.probe(number, command)

    def traces(self, after: datetime, *, tasks: bool, pools: tuple[str, ...]) -> Traces:
        return self.host.traces(after, tasks=tasks, pools=pools)

    def execute(self, action: Action) -> None:
        self.done.append(action)
        try:
            self.host.execute(action)
        finally:
            self.pass_by(self.act)
        if len(self.done) == self.at:
            self.pass_by(self.stop)
            self.meanwhile()

    def pause(self, seconds: float) -> None:
        self.pass_by(timedelta(seconds=seconds))
        if self.between:
            self.between = False
            self.pass_by(self.stop)
            self.meanwhile()


class Vain(Slow):
    """What it says it has restarted runs as before."""

    def execute(self, action: Action) -> None:
        if len(self.done) > 50:
            raise AssertionError("this run does not end")
        if not isinstance(action, RestartContainer):
            super().execute(action)
            return
        self.done.append(action)
        self.pass_by(self.act)


def run(
    scene: Scene,
    host: Slow,
    *restarts: int,
    began: datetime | None = None,
    until: datetime | None = None,
) -> tuple[converge.Run, list[Result]]:
    told: list[Result] = []
    circumstances = Circumstances(
        clock=lambda: host.time,
        restarts=frozenset(restarts),
        go_on=lambda: True,
        tell=told.append,
        pause=host.pause,
        elapsed=lambda: host.seconds,
        began=began,
    )
    believed = replace(taken(scene.desired), until=until)
    return converge.run(believed, scene.state(), host, circumstances), told


def done(found: converge.Run) -> list[tuple[str, str]]:
    return [(event.resource, event.action) for event in found.events]


@pytest.mark.parametrize("blind", [False, True], ids=["stopped", "machine-paused"])
@pytest.mark.parametrize("stop", [timedelta(minutes=1), TEN_MINUTES], ids=["short", "long"])
def test_what_an_operator_did_meanwhile_is_not_done_again(
    tmp_path: Path, stop: timedelta, *, blind: bool
) -> None:
    """Ctrl-Z between two restarts; the second container is restarted by hand; then `fg`."""
    scene = Scene.make(tmp_path, TWO)
    scene.run()
    scene.run(text=CHANGED)

    def meanwhile() -> None:
        scene.by_hand("pct", "reboot", "114")

    host = Slow(scene.simulated(), stop=stop, at=1, meanwhile=meanwhile, blind=blind)
    found, told = run(scene, host, 113, 114)
    short = stop < TEN_MINUTES
    assert done(found) == [
        ("container 113 ct113", "restart"),
        *([("container 114 ct114", "restart")] if short else []),
    ]
    assert [result.step.resource.label for result in told] == [e.resource for e in found.events]
    note = "the host was looked at 10 minutes ago; looked again"
    assert found.notes == ([] if short else [note])
    assert found.plan.empty


def test_what_is_still_right_is_done_after_another_look(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path, TWO)
    scene.run()
    scene.run(text=CHANGED)
    host = Slow(scene.simulated(), stop=TEN_MINUTES, at=1)
    found, _ = run(scene, host, 113, 114)
    assert done(found) == [
        ("container 113 ct113", "restart"),
        ("container 114 ct114", "restart"),
    ]
    assert found.plan.empty


def test_a_container_that_pve_moves_meanwhile_is_not_even_tried(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path, TWO)
    scene.run()
    scene.by_hand("pct", "stop", "113")
    scene.by_hand("pct", "stop", "114")

    def meanwhile() -> None:
        scene.by_hand("pct", "set", "114", "--lock", "migrate")

    host = Slow(scene.simulated(), stop=TEN_MINUTES, at=1, meanwhile=meanwhile)
    run(scene, host)
    assert [a.id for a in host.done if isinstance(a, StartContainer)] == [113]


def test_what_has_expired_meanwhile_is_not_gone_on_with(tmp_path: Path) -> None:
    """The release of these scenes is good for thirty days; the process was stopped for longer."""
    scene = Scene.make(tmp_path, NINE)
    host = Slow(scene.simulated(), stop=timedelta(days=31), at=2)
    found, _ = run(scene, host)
    assert len(host.done) == len(found.events) == 2
    assert found.notes == ["the release has expired since this run began"]
    assert len(found.plan.steps) == 7


def test_a_run_that_was_begun_in_time_is_ended(tmp_path: Path) -> None:
    """Not half of it, because it expires a second after it began."""
    scene = Scene.make(tmp_path, NINE)
    late = NOW + timedelta(days=30) - timedelta(seconds=1)
    host = Slow(scene.simulated(), act=timedelta(seconds=20), time=late)
    found, _ = run(scene, host)
    assert (len(host.done), found.notes, found.plan.empty) == (9, [], True)


def test_a_long_first_build_ends_in_one_run(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path, NINE)
    host = Slow(scene.simulated(), act=timedelta(minutes=4))
    found, _ = run(scene, host)
    assert found.plan.empty
    assert len(host.done) == len(found.events) == 9
    assert host.looks == 6


def test_a_host_that_cannot_be_seen_in_time_is_not_touched(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path, NINE)
    host = Slow(scene.simulated(), look=TEN_MINUTES)
    found, _ = run(scene, host)
    assert host.done == []
    assert host.looks == rounds.ROUNDS + 1
    assert len(found.plan.steps) == 9
    assert set(found.notes) == {"the host was looked at 10 minutes ago; looked again"}
    found, _ = run(scene, Slow(scene.simulated()))
    assert found.plan.empty


def restarts(host: Slow) -> list[int]:
    return [action.id for action in host.done if isinstance(action, RestartContainer)]


@pytest.mark.parametrize("text", [CHANGED, CHANGED + ONE], ids=["restarts", "and-a-dataset"])
def test_a_restart_that_never_takes_effect_is_not_tried_for_ever(tmp_path: Path, text: str) -> None:
    """Each takes longer than a plan lasts, so that the other step is always left."""
    scene = Scene.make(tmp_path, TWO)
    scene.run()
    scene.run(text=CHANGED)
    scene.desired = case.desired(text)
    host = Vain(scene.simulated(), act=timedelta(minutes=6))
    found, _ = run(scene, host, 113, 114)
    assert restarts(host) == [113]
    assert {step.text for step in found.plan} == {"restart"}
    assert sum(isinstance(action, CreateDataset) for action in host.done) == text.count("zfs-hdd/d")


def test_two_that_undo_each_other_do_not_go_on_for_ever(tmp_path: Path) -> None:
    """Whenever one of the first two is put right the other is spoilt: never one plan twice."""
    scene = Scene.make(tmp_path, SETTINGS)
    scene.run()
    for number in range(3):
        scene.by_hand("zfs", "set", "compression=off", f"zfs-hdd/d{number}")
    host = Slow(scene.simulated(), act=timedelta(minutes=6))

    def spoil() -> None:
        assert len(host.done) < 50, "this run does not end"
        last = host.done[-1]
        assert isinstance(last, SetProperties)
        other = {"zfs-hdd/d0": "zfs-hdd/d1", "zfs-hdd/d1": "zfs-hdd/d0"}[last.name]
        scene.by_hand("zfs", "set", "compression=off", other)
        host.at += 1

    host.at, host.meanwhile = 1, spoil
    run(scene, host)
    names = [action.name for action in host.done if isinstance(action, SetProperties)]
    # The first costs no round; after each of the others one is asked for again.
    assert names == ["zfs-hdd/d0", "zfs-hdd/d1"] * 2
    assert len(names) == rounds.ROUNDS + 1


def test_slow_failures_keep_nothing_else_from_being_tried_once(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path, NINE)
    host = Slow(scene.simulated(), act=timedelta(minutes=6))
    scene.faults(FAULT)
    found, _ = run(scene, host)
    assert len(host.done) == len(set(host.done)) == len(found.plan.steps) == 9


def test_what_expired_while_a_probe_was_waited_for_is_not_gone_on_with(tmp_path: Path) -> None:
    """Not even back: the next release says what is to be, and then it is judged."""
    scene = ready(tmp_path)
    ask(scene, FEWER)

    def meanwhile() -> None:
        scene.by_hand("pct", "stop", "114")

    month = timedelta(days=31)
    host = Slow(scene.simulated(), stop=month, between=True, meanwhile=meanwhile)
    found, _ = run(scene, host)
    assert done(found) == [("container 113 ct113", "set")]
    assert found.notes == [
        "container 113: not judged: the release has expired since this run began"
    ]
    assert len(scene.state().trials()) == 1
    assert scene.state().undone() == ()
    assert [e.action for e in scene.run(now=NOW + month).events] == ["start", "undo"]


def test_what_expired_on_the_way_back_is_not_gone_on_with(tmp_path: Path) -> None:
    """The rounds after it are of the same run: they have no five minutes of their own."""
    scene = ready(tmp_path)
    ask(scene, FEWER)

    def meanwhile() -> None:
        scene.by_hand("pct", "stop", "114")

    host = Slow(scene.simulated(), stop=timedelta(days=31), at=2, meanwhile=meanwhile)
    found, _ = run(scene, host)
    assert [action for _, action in done(found)] == ["set", "undo"]
    assert found.notes == ["the release has expired since this run began"]
    assert "start" in [step.text for step in found.plan]


def test_going_back_is_not_gone_on_with_either(tmp_path: Path) -> None:
    """What was written back comes into effect when there is a release again."""
    scene = ready(tmp_path, sick="tty: 3")
    ask(scene, TTYS)
    host = Slow(scene.simulated(), stop=timedelta(days=31), at=3)
    found, _ = run(scene, host, 113)
    steps = ["set (in effect after a restart)", "restart", "undo"]
    assert [action for _, action in done(found)] == steps
    why = "the release has expired since this run began"
    assert f"container 113 ct113: going back (restart again) drift: {why}" in found.notes
    later = scene.run(now=host.time)
    assert [event.action for event in later.events] == ["restart again"]


def test_the_time_a_probe_is_given_does_not_keep_from_going_back(tmp_path: Path) -> None:
    """It expires while the probe is waited for, longer than a plan lasts; nobody was stopped."""
    scene = ready(tmp_path)
    hour = replace(PROBE, grace=3_600)
    ask(scene, FEWER)
    containers = tuple(replace(c, probe=c.probe and hour) for c in scene.desired.containers)
    scene.desired = replace(scene.desired, containers=containers)
    late = NOW + timedelta(days=30) - timedelta(minutes=1)
    found, _ = run(scene, Slow(scene.simulated(), time=late))
    assert [action for _, action in done(found)] == ["set", "undo"]


@pytest.mark.parametrize("which", ["release", "root"])
def test_a_stop_between_believing_and_beginning_counts(tmp_path: Path, which: str) -> None:
    """The release was believed in time, and what it is believed by; then the process stood."""
    scene = Scene.make(tmp_path, NINE)
    days = 31 if which == "release" else 2
    host = Slow(scene.simulated(), time=NOW + timedelta(days=days))
    root = NOW + timedelta(days=1) if which == "root" else None
    found, _ = run(scene, host, began=NOW, until=root)
    assert host.done == []
    assert found.notes == ["the release has expired since this run began"]
