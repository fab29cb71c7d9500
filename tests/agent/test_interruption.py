"""A crash between any two steps, or within one, converges at the next run and repeats no harm."""

from pathlib import Path
import re

import pytest

from agent.scenario import FULL, TEMPLATE, Crash, Interrupted, Scene, creations
from offctl.planner import actions as act
from offctl.planner import commands

FORBIDDEN = frozenset(
    "destroy rollback rename unlock promote -r -R -f --force --purge recv".split()
)
# How many actions the whole scenario takes; the crash points are 1 to STEPS.
STEPS = 11


def converged(scene: Scene) -> None:
    """Nothing to do, and a further run does nothing."""
    watched = Interrupted(scene.simulated())
    found = scene.run(watched)
    assert found.plan.steps == ()
    assert watched.done == []
    assert found.events == []
    assert scene.plan().empty


def what_is_there(scene: Scene) -> tuple[str, str, list[str]]:
    address = re.compile(r"hwaddr=[0-9A-F:]{17}")
    first, second = (address.sub("hwaddr=X", scene.configuration(n)) for n in (113, 114))
    return first, second, scene.volumes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The scenario, run without interruption."""
    scene = Scene.make(tmp_path_factory.mktemp("whole"))
    scene.run()
    return scene


def test_undisturbed(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    watched = Interrupted(scene.simulated())
    found = scene.run(watched)
    assert found.plan.steps == ()
    assert len(watched.done) == STEPS
    assert [e.outcome for e in found.events] == ["done"] * STEPS
    for action in watched.done:
        for argv in commands.commands(action):
            assert not FORBIDDEN & set(argv)
    converged(scene)


@pytest.mark.parametrize("having_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, STEPS + 1))
def test_crash_between_intent_and_outcome(
    tmp_path: Path, whole: Scene, at: int, *, having_done: bool
) -> None:
    scene = Scene.make(tmp_path)
    first = Interrupted(scene.simulated(), at, having_done)
    with pytest.raises(Crash):
        scene.run(first)

    second = Interrupted(scene.simulated())
    found = scene.run(second)

    assert found.plan.steps == (), "one more run must be enough"
    assert any("interrupted" in note for note in found.notes)
    made = creations([*first.done, *second.done])
    assert len(made) == len(set(made))
    assert what_is_there(scene) == what_is_there(whole)
    converged(scene)


@pytest.mark.parametrize("at", range(1, STEPS + 1))
def test_crash_again_and_again(tmp_path: Path, whole: Scene, at: int) -> None:
    """Only one step gets through in each life, and the last word of each is lost."""
    scene = Scene.make(tmp_path)
    for _ in range(at):
        with pytest.raises(Crash):
            scene.run(Interrupted(scene.simulated(), 1, having_done=True))
    assert scene.run().plan.steps == ()
    assert what_is_there(scene) == what_is_there(whole)
    converged(scene)


WITHOUT_IDMAP = "\n".join(line for line in FULL.splitlines() if not line.startswith("idmap"))


@pytest.mark.parametrize("at", range(1, STEPS))
def test_memory_lost_after_any_step(tmp_path: Path, at: int) -> None:
    """The host alone says enough to go on."""
    scene = Scene.make(tmp_path, WITHOUT_IDMAP)
    with pytest.raises(Crash):
        scene.run(Interrupted(scene.simulated(), at, having_done=True))
    scene.forget()
    assert scene.run().plan.steps == ()
    converged(scene)


def test_memory_lost_before_the_id_map_makes_careful(tmp_path: Path) -> None:
    """Without memory nobody can say that the container never ran: it is neither mapped nor run."""
    scene = Scene.make(tmp_path)
    last: act.Action | None = None
    while not isinstance(last, act.CreateContainer):
        died = Interrupted(scene.simulated(), 1, having_done=True)
        with pytest.raises(Crash):
            scene.run(died)
        last = died.done[-1]
    scene.forget()

    left = [step.text for step in scene.run().plan if step.action is None]

    assert left == ["set id-map", "start"]
    assert "lxc.idmap" not in scene.configuration(113)


def test_a_restart_interrupted_between_stop_and_start(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    changed = FULL.replace('cores = "8"', 'cores = "8", nameserver = "10.0.0.1"')
    with pytest.raises(Crash):
        scene.run(Interrupted(scene.simulated(), 2), text=changed, restarts=(113,))
    scene.by_hand("pct", "shutdown", "113")
    assert scene.run().plan.steps == ()
    assert "nameserver: 10.0.0.1" in scene.configuration(113)
    converged(scene)


PROTECTED_BY_HAND = f"""
[[dataset]]
name = "zfs-hdd/off"

[[container]]
id = 113
run = "stopped"
template = "{TEMPLATE}"
"""
ONE_MOUNT = (
    PROTECTED_BY_HAND
    + 'mount = [{ target = "/mnt/off", source = "/zfs-hdd/off", dataset = "zfs-hdd/off" }]\n'
)


def lift_and_die(scene: Scene) -> None:
    """Die while the flag is down: the second of the three calls fails for good."""
    scene.run()
    scene.by_hand("pct", "set", "113", "--protection", "1")

    class Dying:
        def __init__(self) -> None:
            self.host = scene.simulated()
            self.observe = self.host.observe
            self.probe = self.host.probe
            self.traces = self.host.traces

        def execute(self, action: act.Action) -> None:
            assert isinstance(action, act.SetContainer)
            assert action.protected
            scene.by_hand("pct", "set", "113", "--protection", "0")
            raise Crash

    with pytest.raises(Crash):
        scene.run(Dying(), text=ONE_MOUNT)
    assert "protection: 0" in scene.configuration(113)


def test_a_lifted_protection_flag_is_owed(tmp_path: Path) -> None:
    """Nobody wrote `protection`: only the debt remembers that it was there."""
    scene = Scene.make(tmp_path, PROTECTED_BY_HAND)
    lift_and_die(scene)
    scene.run()
    assert "protection: 1" in scene.configuration(113)
    assert "mp0: /zfs-hdd/off,mp=/mnt/off" in scene.configuration(113)
    assert scene.state().debts() == ()
    for _ in range(3):
        converged(scene)
        assert "protection: 1" in scene.configuration(113), "given back, not ours to take away"


def test_a_debt_outlives_runs_that_cannot_pay(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path, PROTECTED_BY_HAND)
    lift_and_die(scene)
    scene.faults("no_quorum = true\n")
    found = scene.run()
    assert found.debts == ["container 113 protection=1"]
    assert len(scene.state().debts()) == 1
    scene.faults("")
    assert scene.run().plan.steps == ()
    assert "protection: 1" in scene.configuration(113)


def test_a_failed_call_that_left_the_flag_down_is_owed_too(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path, PROTECTED_BY_HAND)
    scene.run()
    scene.by_hand("pct", "set", "113", "--protection", "1")
    scene.faults('[[command]]\nargv = ["pct", "set", "113", "--protection", "1"]\n')
    scene.run(text=ONE_MOUNT)
    scene.faults("")
    scene.run()
    assert "protection: 1" in scene.configuration(113)
    converged(scene)


def test_a_text_that_speaks_of_protection_owes_nothing(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path, PROTECTED_BY_HAND)
    lift_and_die(scene)
    found = scene.run(text=ONE_MOUNT + 'options = { protection = "0" }\n')
    assert found.plan.steps == ()
    assert "protection: 0" in scene.configuration(113)
    assert scene.state().debts() == ()
