"""Whole runs on a simulated host: drift told from wishes, failures kept apart, windows kept."""

from pathlib import Path

import pytest

from agent.scenario import FULL, NOW, TEMPLATE, Interrupted, Scene
from offctl_agent import converge
from offctl_agent.circumstances import Circumstances
from offctl_agent.execute import Outcome, Result
from offctl_agent.intake import Intake

TWO = "".join(
    f'[[container]]\nid = {number}\ntemplate = "{TEMPLATE}"\noptions = {{ tty = "2" }}\n'
    for number in (113, 114)
)
TWO_CHANGED = TWO.replace('tty = "2"', 'tty = "3"')


def actions(run: converge.Run) -> list[tuple[str, str, str, str]]:
    return [(e.resource, e.action, e.origin, e.outcome) for e in run.events]


def test_drift_is_put_right_and_told_apart_from_a_new_wish(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    scene.by_hand("pct", "set", "113", "--cores", "1")
    scene.by_hand("zfs", "set", "compression=lz4", "zfs-hdd/off")
    assert actions(scene.run()) == [
        ("dataset zfs-hdd/off", "set properties", "corrective", "done"),
        ("container 113 ct113", "set", "corrective", "done"),
    ]
    changed = FULL.replace('cores = "8"', 'cores = "6"')
    assert actions(scene.run(text=changed)) == [("container 113 ct113", "set", "wanted", "done")]
    assert scene.plan().empty


def test_what_leaves_the_text_goes_back_only_when_it_was_ours(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    scene.by_hand("zfs", "set", "sync=disabled", "zfs-hdd/off")
    without = FULL.replace('properties = { compression = "zstd" }', "").replace(
        'options = { cores = "2" }', ""
    )
    run = scene.run(text=without)
    assert [(e.action, e.differences[0].field) for e in run.events] == [
        ("return to inherited values", "compression"),
        ("set", "cores"),
    ]
    assert scene.plan().empty


def test_a_preview_writes_nothing(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.state()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(scene.plan().steps) == 11
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_observing_only_changes_nothing(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    watched = Interrupted(scene.simulated())
    run = scene.run(watched, observe_only="audit mode")
    assert watched.done == []
    assert {r.outcome for r in run.results.values()} == {Outcome.OBSERVED}
    assert len(run.plan.steps) == 11


def test_a_host_in_audit_mode_changes_nothing(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    run = scene.run(text='mode = "audit"\n' + FULL)
    assert run.events == []
    assert {r.detail for r in run.results.values()} == {"audit mode"}


def test_without_a_release_only_the_memory_is_kept(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    circumstances = Circumstances(
        clock=lambda: NOW, restarts=frozenset(), go_on=lambda: True, tell=lambda _: None
    )
    nothing = Intake("openfoodfacts", None, None, "unknown", "no release is believed")
    run = converge.run(nothing, scene.state(), scene.simulated(), circumstances)
    assert (run.plan.steps, run.events) == ((), [])


def test_a_restart_waits_for_its_window(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path, TWO)
    scene.run()
    run = scene.run(text=TWO_CHANGED)
    assert [e.action for e in run.events] == ["set (in effect after a restart)"] * 2
    assert {r.outcome for r in run.results.values()} == {Outcome.DONE, Outcome.WAITING}
    assert [step.text for step in run.plan] == ["restart", "restart"]
    assert actions(scene.run()) == []

    # 2026-03-04 05:06 UTC is a Wednesday.
    run = scene.run(text='windows = ["wed 05:00-06:00 UTC"]\n' + TWO_CHANGED)
    assert [e.action for e in run.events] == ["restart", "restart"]
    assert scene.plan().empty


def test_windows_of_a_container_replace_those_of_the_host(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path, TWO)
    scene.run()
    scene.run(text=TWO_CHANGED)
    closed = TWO_CHANGED.replace("id = 114", 'id = 114\nwindows = ["thu 05:00-06:00 UTC"]')
    run = scene.run(text='windows = ["wed 05:00-06:00 UTC"]\n' + closed)
    assert [(e.resource, e.action) for e in run.events] == [("container 113 ct113", "restart")]


def test_consent_for_one_container_is_for_that_one(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path, TWO)
    scene.run()
    run = scene.run(text=TWO_CHANGED, restarts=(114,))
    assert [e.resource for e in run.events if e.action == "restart"] == ["container 114 ct114"]
    assert [step.container for step in run.plan] == [113]


def test_after_a_failed_restart_no_other_container_is_touched(tmp_path: Path) -> None:
    """Not even in the later rounds of the same run."""
    scene = Scene.make(tmp_path, TWO)
    scene.run()
    scene.faults('[[command]]\nargv = ["pct", "reboot", "113"]\n')
    told: list[Result] = []
    run = scene.run(text=TWO_CHANGED, restarts=(113, 114), tell=told)
    assert [r.outcome for r in told if r.step.text == "restart"] == [
        Outcome.FAILED,
        Outcome.WAITING,
    ]
    assert run.results["container 113", "restart"].outcome is Outcome.FAILED
    assert [step.text for step in run.plan] == ["restart", "restart"]


def test_what_fails_is_tried_once_a_run_and_the_rest_goes_on(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.faults('[[command]]\nargv = ["zfs", "create"]\nstderr = "out of space"\n')
    run = scene.run()
    assert [e.outcome for e in run.events if e.resource == "dataset zfs-hdd/off"] == ["failed"]
    assert "out of space" in run.results["dataset zfs-hdd/off", "create"].detail
    assert ("container 113 ct113", "create", "wanted", "done") in actions(run)
    assert not any(e.action == "start" for e in run.events)
    scene.faults("")
    assert scene.run().plan.steps == ()


@pytest.mark.parametrize("code", [1, 255])
def test_pct_that_fails_after_having_created_is_believed_by_its_deeds(
    tmp_path: Path, code: int
) -> None:
    scene = Scene.make(tmp_path)
    scene.faults(f'[[command]]\nargv = ["pct", "create"]\ncode = {code}\nafter = true\n')
    scene.run()
    scene.faults("")
    assert scene.run().plan.steps == ()
    assert "lxc.idmap: u 0 100000 1000" in scene.configuration(113)
    assert scene.state().ledger().ours("container 113", "exists")


@pytest.mark.parametrize(
    "fault",
    [
        "pve_not_mounted = true\n",
        'zfs_unreadable = "timed out"\n',
        '[pools.zfs-hdd]\nstate = "missing"\n',
    ],
)
def test_what_cannot_be_read_is_left_alone_and_memory_kept(tmp_path: Path, fault: str) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    ledger = list(scene.state().ledger())
    scene.faults(fault)
    run = scene.run()
    assert run.events == []
    assert {finding.state for finding in run.plan.findings} >= {"unknown"}
    assert list(scene.state().ledger()) == ledger
    scene.faults("")
    assert scene.plan().empty


def test_events_are_kept_for_the_report(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    run = scene.run()
    assert scene.state().events() == tuple(run.events)
    assert {event.time for event in run.events} == {"2026-03-04T05:06:07Z"}


def test_a_dropped_mount_goes_and_the_data_stays(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    kept = "\n".join(line for line in FULL.splitlines() if "/mnt/off/images" not in line)
    volumes = scene.volumes()
    scene.run(text=kept, restarts=(113,))
    assert "/mnt/off/images" not in scene.configuration(113)
    assert "protection: 1" in scene.configuration(113)
    assert scene.volumes() == volumes
    assert scene.plan().empty
    orphan = scene.run(text=kept.replace("/zfs-hdd/off/images", "").split("[[container]]")[0])
    assert [f.state for f in orphan.plan.findings] == ["orphan", "orphan"]
    assert orphan.events == []
