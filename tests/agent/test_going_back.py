"""Going back from odder places: another id-map, a container that went down or away."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.scenario import Interrupted, Scene
from agent.trying import FEWER, SICK, TEXT, TTYS, ask, desired, failed, ready, told
from offctl.desired.model import DesiredState
from offctl.observed import ObservedContainer, ObservedState
from offctl_agent.simulated import programs
from planner import case

SHIFTED = """
subids = ["u:200000:65536", "g:200000:65536"]
""" + TEXT.replace(
    'options = { cores = "8", tty = "2" }',
    'options = { cores = "8", tty = "2" }\nidmap = ["u 0 200000 65536", "g 0 200000 65536"]',
)


def test_an_id_map_comes_back_with_a_restart(tmp_path: Path) -> None:
    """Somebody changed the file; putting it right hurts, and what they wrote comes back."""
    scene = Scene.make(tmp_path, SHIFTED)
    scene.desired = desired(SHIFTED)
    assert scene.run().plan.empty
    sick = SICK.format("lxc.idmap: u 0 200000 65536")
    (tmp_path / "host" / "health.toml").write_text(sick)
    conf = tmp_path / "host/etc/pve/nodes/off2/lxc/113.conf"
    by_hand = conf.read_text().replace(" 0 200000 65536", " 0 100000 65536")
    conf.write_text(by_hand)
    done = told(scene.run(restarts=(113,)))
    assert done == [("set id-map", "done"), ("undo", "done"), ("restart again", "done")]
    assert conf.read_text() == by_hand
    assert scene.state().trials() == ()


class Collapsing(Interrupted):
    """After the change the container is down."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene.simulated())
        self.scene = scene

    def probe(self, number: int, command: tuple[str, ...]) -> str:
        if len(self.done) == 1:
            self.scene.simulated().probe(number, command)
            programs.run(self.scene.simulated().machine, ["pct", "stop", "113"])
        return super().probe(number, command)


def test_a_container_that_went_down_is_started_again(tmp_path: Path) -> None:
    scene = ready(tmp_path)
    before = scene.configuration(113)
    ask(scene, FEWER)
    run = scene.run(Collapsing(scene))
    assert told(run) == [("set", "done"), ("undo", "done"), ("start again", "done")]
    assert scene.configuration(113) == before
    assert scene.plan().steps == () or len(failed(scene, scene.run())) == 1


@pytest.mark.parametrize("gone", ["probe", "container"])
def test_a_trial_ends_when_the_text_no_longer_asks(tmp_path: Path, gone: str) -> None:
    scene = ready(tmp_path, sick="tty: 3")
    ask(scene, TTYS)
    scene.run()
    assert len(scene.state().trials()) == 1
    without = replace(scene.desired, containers=scene.desired.containers[1:])
    scene.desired = case.desired(TTYS) if gone == "probe" else without
    assert told(scene.run()) == []
    assert scene.state().trials() == ()


class Vanishing(Interrupted):
    """After the change the container's file is gone."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene.simulated())
        self.scene = scene

    def observe(self, desired: DesiredState) -> ObservedState:
        seen = super().observe(desired)
        if not self.done or not isinstance(seen.containers, tuple):
            return seen
        others = tuple(
            c for c in seen.containers if isinstance(c, ObservedContainer) and c.id != 113
        )
        return replace(seen, containers=others)


def test_a_container_that_vanished_is_not_gone_back_to(tmp_path: Path) -> None:
    scene = ready(tmp_path)
    ask(scene, FEWER)
    run = scene.run(Vanishing(scene))
    assert any("cannot go back: it cannot be read" in note for note in run.notes)
    assert [trial.condemned for trial in scene.state().trials()] == [True]
