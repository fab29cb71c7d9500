"""Stopped in the middle and going on much later: nothing is done by a plan that is old by then."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent.scenario import NOW, TEMPLATE, Scene, taken
from offctl.desired.model import DesiredState
from offctl.observed import ObservedState
from offctl.planner.actions import Action, StartContainer
from offctl_agent import converge
from offctl_agent.circumstances import Circumstances
from offctl_agent.execute import Result
from offctl_agent.host.traces import Traces
from offctl_agent.simulated.host import SimulatedHost

TWO = "".join(
    f'[[container]]\nid = {number}\ntemplate = "{TEMPLATE}"\noptions = {{ tty = "2" }}\n'
    for number in (113, 114)
)
CHANGED = TWO.replace('tty = "2"', 'tty = "3"')
NINE = "".join(f'[[dataset]]\nname = "zfs-hdd/d{number}"\n' for number in range(9))
TEN_MINUTES = timedelta(minutes=10)


@dataclass
class Slow:
    """A host for which time passes: `look` for a look, `act` for an action, and once for `stop`.

    The stop comes with the action numbered `at` (from 1), and `meanwhile` others work. A clock
    that is `blind` counts no seconds meanwhile, but is told the time afterwards.
    """

    host: SimulatedHost
    look: timedelta = timedelta()
    act: timedelta = timedelta()
    stop: timedelta = timedelta()
    at: int = 0
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
        self.host.execute(action)
        self.pass_by(self.act)
        if len(self.done) == self.at:
            self.pass_by(self.stop)
            self.meanwhile()


def run(scene: Scene, host: Slow, *restarts: int) -> tuple[converge.Run, list[Result]]:
    told: list[Result] = []
    circumstances = Circumstances(
        clock=lambda: host.time,
        restarts=frozenset(restarts),
        go_on=lambda: True,
        tell=told.append,
        elapsed=lambda: host.seconds,
    )
    return converge.run(taken(scene.desired), scene.state(), host, circumstances), told


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
    assert host.looks == converge.ROUNDS + 1
    assert len(found.plan.steps) == 9
    assert set(found.notes) == {"the host was looked at 10 minutes ago; looked again"}
    found, _ = run(scene, Slow(scene.simulated()))
    assert found.plan.empty
