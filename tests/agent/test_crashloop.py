"""Containers that do not stay up, and restarts in the order of the databases."""

from datetime import timedelta
from pathlib import Path

import pytest

from agent.scenario import NOW, Scene
from offctl_agent.execute import Outcome

ONE = """
[[container]]
id = 113
template = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
"""
ORDERED = """
[[container]]
id = 113
template = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
[[container]]
id = 120
template = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
options = { startup = "order=1" }
"""
BROKEN = '[[command]]\nargv = ["pct", "start"]\ncode = 255\nstderr = "init: exec format error"\n'


def test_a_container_that_does_not_stay_up_is_started_less_often(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path, ONE)
    started = []
    for minute in range(120):
        run = scene.run(now=NOW + timedelta(minutes=minute))
        if any(event.action == "start" for event in run.events):
            started.append(minute)
            scene.by_hand("pct", "stop", "113")
    assert started == [0, 1, 3, 7, 15, 31, 63]
    result = run.results["container 113", "start"]
    assert result.outcome is Outcome.BLOCKED
    assert "did not stay up" in result.detail


def test_a_start_that_fails_counts_too_and_consent_overrides(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path, ONE)
    scene.faults(BROKEN)
    for _ in range(2):
        assert scene.run().results["container 113", "start"].outcome is Outcome.FAILED
    scene.faults("")
    assert scene.run().results["container 113", "start"].outcome is Outcome.BLOCKED
    assert scene.run(restarts=(113,)).plan.steps == ()


def test_what_was_refused_before_a_start_is_tried_again_at_once(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    scene.by_hand("pct", "stop", "113")
    scene.by_hand("zfs", "unmount", "zfs-hdd/off/images")
    scene.faults('[[command]]\nargv = ["zfs", "mount"]\n')
    for _ in range(5):
        assert scene.run().results["container 113", "start"].outcome is not Outcome.BLOCKED
    scene.faults("")
    assert scene.run().plan.steps == ()


def test_databases_restart_first_and_a_failure_stops_the_rest(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path, ORDERED)
    scene.run()
    for number in (113, 120):
        scene.by_hand("pct", "set", str(number), "--tty", "3")
    wanted = ORDERED.replace("id = 113", 'id = 113\noptions = { tty = "3" }').replace(
        "order=1", 'order=1", tty = "3'
    )
    scene.faults('[[command]]\nargv = ["pct", "reboot", "120"]\n')
    run = scene.run(text=wanted, restarts=(113, 120))
    assert [(e.resource, e.outcome) for e in run.events] == [("container 120 ct120", "failed")]
    assert run.results["container 113", "restart"].outcome is Outcome.WAITING
    scene.faults("")
    run = scene.run(text=wanted, restarts=(113, 120))
    assert [e.resource for e in run.events] == ["container 120 ct120", "container 113 ct113"]


MOUNTED = """
[[dataset]]
name = "zfs-hdd/one"
[[dataset]]
name = "zfs-hdd/two"
[[container]]
id = 113
template = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
mount = [{ target = "/m", source = "/zfs-hdd/one", dataset = "zfs-hdd/one" }]
"""


@pytest.mark.parametrize("by_hand", ["", "mp5: /zfs-hdd,mp=/theirs\n"])
def test_a_mount_brought_into_effect_by_a_restart_stays(tmp_path: Path, by_hand: str) -> None:
    scene = Scene.make(tmp_path, MOUNTED)
    scene.run()
    if by_hand:
        scene.by_hand("pct", "set", "113", "--mp5", "/zfs-hdd/one,mp=/theirs")
        scene.by_hand("pct", "set", "113", "--mp5", "/zfs-hdd,mp=/theirs")
    head, mount = MOUNTED.split("mount =")
    two = head + "mount =" + mount.replace("one", "two")
    run = scene.run(text=two, restarts=(113,))
    assert run.plan.steps == ()
    for _ in range(2):
        assert scene.run(restarts=(113,)).events == []
    assert "mp0: /zfs-hdd/two,mp=/m\n" + by_hand in scene.configuration(113)
    assert "[pve:pending]" not in scene.configuration(113)
