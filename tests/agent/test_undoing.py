"""A change after which a container is not well is taken back, once, whatever gets in between."""

from collections.abc import Iterable
from dataclasses import replace
import itertools
from pathlib import Path

import pytest

from agent.scenario import NOW, Crash, Interrupted, Scene
from agent.trying import FEWER, PROBE, TEXT, TTYS, ask, failed, ready, told
from offctl import errors
from offctl.desired.model import DesiredState, Freeze
from offctl.observed import ObservedState, Unknown
from offctl.planner.actions import Action
from offctl.planner.debts import Debt
from offctl_agent.holds import HOST, Hold
from offctl_agent.state import State
from planner import case


def test_a_healthy_change_stays(tmp_path: Path) -> None:
    scene = ready(tmp_path, sick="cores: 99")
    ask(scene, FEWER)
    paused: list[float] = []
    run = scene.run(paused=paused)
    assert told(run) == [("set", "done")]
    assert (run.plan.empty, paused, run.undone) == (True, [], ())
    assert scene.state().trials() == ()


def test_a_change_that_hurts_is_taken_back_after_its_grace(tmp_path: Path) -> None:
    scene = ready(tmp_path)
    before = scene.configuration(113)
    ask(scene, FEWER)
    paused: list[float] = []
    run = scene.run(paused=paused)
    assert told(run) == [("set", "done"), ("undo", "done")]
    assert sum(paused) == PROBE.grace
    assert scene.configuration(113) == before
    [reason] = failed(scene, run)
    assert reason.startswith("undone 2026-03-04T05:06:07Z: its probe failed after the change: ")
    assert "connection refused" in reason
    assert "`offctl-agent retry 113`" in reason


def test_a_probe_that_hangs_takes_no_longer_than_its_grace_and_one_look(tmp_path: Path) -> None:
    scene = ready(tmp_path)
    ask(scene, FEWER)
    paused: list[float] = []
    # Each look takes 20 of the 30 seconds.
    run = scene.run(paused=paused, elapsed=itertools.count(0, 20).__next__)
    assert told(run) == [("set", "done"), ("undo", "done")]
    assert len(paused) == 1


def test_it_is_not_tried_again_under_the_same_text(tmp_path: Path) -> None:
    scene = ready(tmp_path)
    ask(scene, FEWER)
    scene.run()
    for _ in range(3):
        run = scene.run()
        assert told(run) == []
        assert len(failed(scene, run)) == 1
        assert run.plan.corrective == 0
    # Other containers go on.
    ask(scene, FEWER.replace('cores = "2"', 'cores = "3"'))
    assert [(e.resource, e.action) for e in scene.run().events] == [("container 114 ct114", "set")]


def test_another_text_is_tried_and_the_verdict_forgotten(tmp_path: Path) -> None:
    scene = ready(tmp_path)
    ask(scene, FEWER)
    scene.run()
    ask(scene, TEXT.replace('cores = "8"', 'cores = "4"'))
    run = scene.run()
    assert told(run) == [("set", "done")]
    assert run.undone == ()
    assert scene.state().undone() == ()


def test_an_operator_may_have_it_tried_again(tmp_path: Path) -> None:
    scene = ready(tmp_path)
    ask(scene, FEWER)
    scene.run()
    scene.state().keep_undone([])
    assert told(scene.run()) == [("set", "done"), ("undo", "done")]
    (tmp_path / "host" / "health.toml").unlink()
    scene.state().keep_undone([])
    run = scene.run()
    assert told(run) == [("set", "done")]
    assert run.plan.empty


def test_what_needs_a_restart_is_judged_after_it_and_restarted_back(tmp_path: Path) -> None:
    scene = ready(tmp_path, sick="tty: 3")
    before = scene.configuration(113)
    ask(scene, TTYS)
    waiting = scene.run()
    assert told(waiting) == [("set (in effect after a restart)", "done")]
    assert len(scene.state().trials()) == 1
    run = scene.run(restarts=(113,))
    assert told(run) == [
        ("restart", "done"),
        ("undo", "done"),
        ("restart again", "done"),
    ]
    assert scene.configuration(113) == before
    assert len(failed(scene, scene.run())) == 1
    assert scene.state().trials() == ()


def test_a_container_that_was_not_well_before_is_not_judged(tmp_path: Path) -> None:
    scene = ready(tmp_path, sick="cores: 8")
    ask(scene, FEWER)
    run = scene.run()
    assert told(run) == [("set", "done")]
    assert run.undone == ()
    assert any("was not well before it was changed" in note for note in run.notes)


def test_without_a_probe_nothing_is_judged(tmp_path: Path) -> None:
    scene = ready(tmp_path)
    scene.desired = case.desired(FEWER)
    assert told(scene.run()) == [("set", "done")]


MORE = TEXT.replace(
    'dataset = "zfs-hdd/off" }]',
    'dataset = "zfs-hdd/off" },\n'
    '{ target = "/mnt/more", source = "/zfs-hdd/off", dataset = "zfs-hdd/off" }]',
    1,
)
MOUNT = "mp1: /zfs-hdd/off,mp=/mnt/more"


def test_a_mount_is_taken_back_with_the_restart_that_was_allowed(tmp_path: Path) -> None:
    scene = ready(tmp_path, sick=MOUNT)
    before = scene.configuration(113)
    ask(scene, MORE)
    assert told(scene.run(restarts=(113,))) == [
        ("set", "done"),
        ("undo", "done"),
        ("restart again", "done"),
    ]
    assert scene.configuration(113) == before
    assert told(scene.run(restarts=(113,))) == []


def test_a_restart_that_nobody_allowed_waits_also_for_going_back(tmp_path: Path) -> None:
    scene = ready(tmp_path, sick=MOUNT)
    before = scene.configuration(113)
    ask(scene, MORE)
    run = scene.run()
    assert told(run) == [("set", "done"), ("undo", "done")]
    assert any("apply --restart 113" in note for note in run.notes)
    for _ in range(2):
        assert told(scene.run()) == []
    assert told(scene.run(restarts=(113,))) == [("restart again", "done")]
    assert scene.configuration(113) == before
    assert told(scene.run(restarts=(113,))) == []


def test_a_probe_that_cannot_be_asked_is_a_failure(tmp_path: Path) -> None:
    scene = ready(tmp_path, sick="cores: 99")
    ask(scene, FEWER)
    host = Unaskable(scene)
    run = scene.run(host)
    assert told(run) == [("set", "done"), ("undo", "done")]
    assert "no such program" in failed(scene, run)[0]


class Unaskable(Interrupted):
    """From its first action on, nothing runs inside any more."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene.simulated())

    def probe(self, number: int, command: tuple[str, ...]) -> str:
        if self.done:
            raise errors.HostError("cannot probe container 113: no such program")
        return super().probe(number, command)


@pytest.mark.parametrize("having_done", [False, True])
@pytest.mark.parametrize("at", [1, 2])
def test_a_crash_at_any_step_ends_in_the_same_place(
    tmp_path: Path, at: int, *, having_done: bool
) -> None:
    scene = ready(tmp_path)
    before = scene.configuration(113)
    ask(scene, FEWER)
    with pytest.raises(Crash):
        scene.run(Interrupted(scene.simulated(), at=at, having_done=having_done))
    scene.run()
    run = scene.run()
    assert scene.configuration(113) == before
    assert told(run) == []
    assert len(failed(scene, run)) == 1
    assert scene.state().trials() == ()


class Dead(State):
    """Dies when all but the debts is durable, before the journal is emptied."""

    times = 0

    def keep_debts(self, debts: Iterable[Debt]) -> None:
        self.times += 1
        if self.times == 2:
            raise Crash
        super().keep_debts(debts)


class Mortal(Scene):
    """A scene whose runs die so."""

    def state(self) -> State:
        return Dead(self.directory / "agent")


def test_what_a_life_before_took_back_is_not_called_somebodys_change(tmp_path: Path) -> None:
    """Killed having gone back and before saying so, then again before its journal was emptied."""
    scene = ready(tmp_path)
    ask(scene, FEWER)
    with pytest.raises(Crash):
        scene.run(Interrupted(scene.simulated(), at=2, having_done=True))
    with pytest.raises(Crash):
        Mortal(scene.directory, scene.desired).run()
    for _ in range(3):
        run = scene.run()
        assert (run.unasked, told(run), len(failed(scene, run))) == ((), [], 1)


class Dying(Interrupted):
    """Dies while the container is being asked for the `at`-th time."""

    def __init__(self, scene: Scene, at: int) -> None:
        super().__init__(scene.simulated())
        self.asks = at

    def probe(self, number: int, command: tuple[str, ...]) -> str:
        self.asks -= 1
        if not self.asks:
            raise Crash
        return super().probe(number, command)


@pytest.mark.parametrize("at", [1, 2, 3, 5])
def test_a_crash_while_waiting_for_the_probe_loses_no_verdict(tmp_path: Path, at: int) -> None:
    scene = ready(tmp_path)
    before = scene.configuration(113)
    ask(scene, FEWER)
    with pytest.raises(Crash):
        scene.run(Dying(scene, at))
    run = scene.run()
    assert ("undo", "done") in told(run)
    assert scene.configuration(113) == before
    assert len(failed(scene, scene.run())) == 1


def test_a_hold_stops_going_back_too_and_it_goes_on_afterwards(tmp_path: Path) -> None:
    scene = ready(tmp_path)
    before = scene.configuration(113)
    ask(scene, FEWER)
    host = Interrupted(scene.simulated())
    real = host.probe

    def probe(number: int, command: tuple[str, ...]) -> str:
        said = real(number, command)
        if said:
            scene.state().holds.put(Hold(HOST, None, "looking at it"))
        return said

    host.probe = probe  # type: ignore[method-assign]
    assert told(scene.run(host)) == [("set", "done")]
    assert scene.configuration(113) != before
    scene.state().holds.release(HOST)
    assert told(scene.run()) == [("undo", "done")]
    assert scene.configuration(113) == before


def test_an_agent_that_is_stopped_meanwhile_has_judged_nothing(tmp_path: Path) -> None:
    scene = ready(tmp_path)
    ask(scene, FEWER)
    host = Interrupted(scene.simulated())
    run = scene.run(host, go_on=lambda: not host.done)
    assert told(run) == [("set", "done")]
    assert [trial.condemned for trial in scene.state().trials()] == [False]
    (tmp_path / "host" / "health.toml").unlink()
    assert scene.run().undone == ()
    assert scene.state().trials() == ()


def test_what_was_undone_is_told_in_the_plan_with_how_to_go_on(tmp_path: Path) -> None:
    scene = ready(tmp_path)
    ask(scene, FEWER)
    run = scene.run()
    [wait] = run.waits
    assert (wait.kind, wait.scope) == ("undone", "container 113")
    assert "`offctl-agent retry 113`" in wait.go_on


def test_a_freeze_is_no_part_of_what_was_undone(tmp_path: Path) -> None:
    scene = ready(tmp_path)
    ask(scene, FEWER)
    scene.run()
    ask(scene, FEWER, freeze=Freeze(NOW, "over already"))
    run = scene.run()
    assert told(run) == []
    assert len(failed(scene, run)) == 1


def test_going_back_that_fails_is_tried_again(tmp_path: Path) -> None:
    scene = ready(tmp_path)
    before = scene.configuration(113)
    ask(scene, FEWER)
    run = scene.run(FailingBack(scene))
    assert told(run) == [("set", "done"), ("undo", "failed")]
    assert told(scene.run()) == [("undo", "done")]
    assert scene.configuration(113) == before


class FailingBack(Interrupted):
    """The second action fails."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene.simulated())

    def execute(self, action: Action) -> None:
        if self.done:
            raise errors.HostError("cannot set container 113: locked", code="LOCKED")
        super().execute(action)


def test_the_value_that_was_put_back_is_not_called_somebodys_change(tmp_path: Path) -> None:
    scene = ready(tmp_path)
    ask(scene, FEWER)
    scene.run()
    (tmp_path / "host" / "health.toml").unlink()
    ask(scene, FEWER.replace('tty = "2"', 'tty = "2", description = "x"'))
    run = scene.run()
    assert {event.origin for event in run.events} == {"wanted"}
    assert run.plan.empty


class Blind(Interrupted):
    """Once it did something, its containers cannot be read for a number of looks."""

    def __init__(self, scene: Scene, looks: int) -> None:
        super().__init__(scene.simulated())
        self.looks = looks

    def observe(self, desired: DesiredState) -> ObservedState:
        seen = super().observe(desired)
        if self.done and self.looks:
            self.looks -= 1
            return replace(seen, containers=Unknown("pmxcfs is down"))
        return seen


@pytest.mark.parametrize("looks", [2, 3, 99])
def test_what_cannot_be_read_is_not_taken_to_be_back(tmp_path: Path, looks: int) -> None:
    scene = ready(tmp_path)
    before = scene.configuration(113)
    ask(scene, FEWER)
    scene.run(Blind(scene, looks))
    scene.run()
    run = scene.run()
    assert scene.configuration(113) == before
    assert scene.state().trials() == ()
    assert told(run) == []
    assert len(failed(scene, run)) == 1


class Stopping(Interrupted):
    """The container dies of the first change."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene.simulated())
        self.scene = scene

    def execute(self, action: Action) -> None:
        super().execute(action)
        if len(self.done) == 1:
            self.scene.by_hand("pct", "stop", "113")


def test_a_container_that_died_of_it_is_brought_back_and_started(tmp_path: Path) -> None:
    scene = ready(tmp_path)
    before = scene.configuration(113)
    ask(scene, FEWER)
    run = scene.run(Stopping(scene))
    assert ("undo", "done") in told(run)
    assert ("start", "done") in told(run) or ("start again", "done") in told(run)
    assert scene.configuration(113) == before
    assert len(failed(scene, scene.run())) == 1
