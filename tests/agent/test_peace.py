"""Holds, freezes and approvals: what waits, what it says, and that nothing wider is let through."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent.scenario import NOW, TEMPLATE, Crash, Interrupted, Scene
from offctl import errors
from offctl.desired.model import Freeze, MaxDelta
from offctl.planner import delta
from offctl_agent import approvals
from offctl_agent.converge import Run
from offctl_agent.execute import Outcome
from offctl_agent.holds import HOST, Hold, Holds
from planner import case

LATER = NOW + timedelta(hours=2)
FIVE = "".join(
    f'[[container]]\nid = {number}\ntemplate = "{TEMPLATE}"\noptions = {{ cores = "2" }}\n'
    for number in range(110, 115)
)
CHANGED = FIVE.replace('cores = "2"', 'cores = "3"')


def held(run: Run) -> list[str]:
    return [r.detail for r in run.results.values() if r.outcome is Outcome.HELD]


def changed(run: Run) -> list[str]:
    return [event.resource for event in run.events]


def test_a_hold_stops_everything_until_it_is_released(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.state().holds.put(Hold(HOST, None, "restore under way", by="alex"))
    watched = Interrupted(scene.simulated())
    run = scene.run(watched)
    assert watched.done == []
    assert len(held(run)) == len(run.plan.steps) - len(
        [r for r in run.results.values() if r.outcome is Outcome.SKIPPED]
    )
    assert held(run)[0] == (
        "hold on host off2 until it is released: restore under way (alex); "
        "`offctl-agent hold --release` on the host ends it"
    )
    assert [(w.kind, w.scope) for w in run.waits] == [("hold", "host off2")]
    assert scene.state().holds.release(HOST) is not None
    assert scene.run().plan.empty


def test_a_hold_ends_by_itself_and_says_so_once(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.state().holds.put(Hold(HOST, LATER, "campaign"))
    assert changed(scene.run()) == []
    assert changed(scene.run(now=LATER - timedelta(seconds=1))) == []
    run = scene.run(now=LATER)
    assert "the hold is over: campaign (it ended by itself)" in run.notes
    assert run.plan.empty
    assert run.waits == ()
    assert scene.run(now=LATER).notes == []


def test_a_hold_that_comes_during_a_run_stops_the_next_step(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    host = Interrupted(scene.simulated())
    seen: list[int] = []

    def tell(_: object) -> None:
        if not seen:
            scene.state().holds.put(Hold(HOST, None, "stop"))
            seen.append(len(host.done))

    class Told(list):  # type: ignore[type-arg]
        def append(self, item: object) -> None:
            tell(item)

    scene.run(host, tell=Told())
    assert len(host.done) == 1


@pytest.mark.parametrize("damage", [b"", b"offctl-state 1 nonsense", b"\0" * 100])
def test_holds_that_cannot_be_read_hold_everything_until_released(
    tmp_path: Path, damage: bytes
) -> None:
    scene = Scene.make(tmp_path)
    scene.state().holds.put(Hold(HOST, LATER, "campaign"))
    (tmp_path / "agent" / "holds").write_bytes(damage)
    run = scene.run(now=LATER + timedelta(days=400))
    assert changed(run) == []
    assert "is damaged" in run.waits[0].reason
    scene.state().holds.release(HOST)
    assert scene.run().plan.empty


def test_a_directory_in_place_of_the_holds_is_a_hold(tmp_path: Path) -> None:
    (tmp_path / "holds").mkdir()
    assert Holds(tmp_path / "holds").read()[0].container == HOST


def test_a_hold_on_one_container_covers_its_mounts_and_their_datasets(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    scene.by_hand("zfs", "set", "compression=lz4", "zfs-hdd/off")
    scene.by_hand("zfs", "set", "atime=on", "zfs-hdd/off/images")
    scene.by_hand("pct", "set", "113", "--cores", "1")
    scene.by_hand("pct", "set", "114", "--cores", "1")
    scene.state().holds.put(Hold(114, None, "being looked at"))
    run = scene.run()
    assert changed(run) == ["dataset zfs-hdd/off/images", "container 113 ct113"]
    assert {w.scope for w in run.waits} == {"container 114 ct114"}
    assert all("hold --release --container 114" in text for text in held(run))


def frozen(scene: Scene, until: datetime = LATER) -> Freeze:
    freeze = Freeze(until, "donations campaign")
    scene.desired = replace(scene.desired, freeze=freeze)
    return freeze


def test_a_signed_freeze_stops_repairs_too_and_ends_by_itself(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    frozen(scene)
    scene.by_hand("pct", "set", "113", "--cores", "1")
    run = scene.run()
    assert held(run) == [
        "freeze on host off2 until 2026-03-04T07:06:07Z: donations campaign; "
        "`offctl freeze off2 --release` and a release end it sooner"
    ]
    assert scene.plan().corrective == 1
    assert changed(scene.run(now=LATER)) == ["container 113 ct113"]


def test_a_freeze_holds_against_restarts_that_were_asked_for(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    scene.desired = replace(
        scene.desired,
        containers=tuple(
            replace(c, freeze=Freeze(LATER, "in use"), options=(("cores", "3"),), defaults=())
            if c.id == 113
            else c
            for c in scene.desired.containers
        ),
    )
    run = scene.run(restarts=(113,))
    assert changed(run) == []
    assert "`offctl freeze ct113 --release`" in held(run)[0]


def test_freeze_wait_is_told_when_nothing_differs(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    frozen(scene)
    run = scene.run()
    assert run.plan.empty
    assert [w.until for w in run.waits] == ["2026-03-04T07:06:07Z"]


def limited(tmp_path: Path, share: int = 20) -> Scene:
    scene = Scene.make(tmp_path, FIVE)
    scene.desired = replace(scene.desired, max_delta=MaxDelta(containers=share))
    scene.run()
    return scene


def change(scene: Scene, text: str, share: int = 20) -> Run:
    scene.desired = replace(case.desired(text), max_delta=MaxDelta(containers=share))
    return scene.run()


def test_what_is_made_anew_does_not_wait(tmp_path: Path) -> None:
    assert limited(tmp_path).plan().empty


@pytest.mark.parametrize("having_done", [False, True])
def test_finishing_what_a_crash_left_half_made_does_not_wait(
    tmp_path: Path, having_done: bool
) -> None:
    nothing = MaxDelta(containers=0, mounts=0, datasets=0)
    begun = Scene.make(tmp_path / "begun")
    begun.desired = replace(begun.desired, max_delta=nothing)
    moments = 0
    while True:
        scene = begun.copy(tmp_path / f"{moments}")
        try:
            scene.run(Interrupted(scene.simulated(), at=moments + 1, having_done=having_done))
        except Crash:
            moments += 1
        else:
            break
        run = scene.run()
        assert (held(run), run.waits, scene.plan().empty) == ([], (), True), moments
    assert moments > 10
    # From now on it has users.
    scene.by_hand("zfs", "set", "compression=off", "zfs-hdd/off")
    scene.by_hand("pct", "set", "113", "--cores", "1")
    assert len(held(scene.run())) == 2


def test_one_of_five_may_change_and_two_wait(tmp_path: Path) -> None:
    scene = limited(tmp_path)
    one = FIVE.replace('cores = "2"', 'cores = "3"', 1)
    assert changed(change(scene, one)) == ["container 110 ct110"]
    run = change(scene, CHANGED)
    assert changed(run) == []
    assert len(held(run)) == 4
    assert "4 of 5 containers (more than 20 %)" in held(run)[0]
    found = delta.plan_hash(run.plan, scene.desired)
    assert f"offctl-agent approve {found[:12]}`" in held(run)[0]
    assert f"`offctl approve off2 {found}` and a release" in run.waits[0].go_on


def approve(scene: Scene) -> None:
    state = scene.state()
    state.keep_approval(approvals.of(scene.plan(), scene.desired))


def test_an_approved_plan_is_carried_out_and_the_approval_is_used_up(tmp_path: Path) -> None:
    scene = limited(tmp_path)
    change(scene, CHANGED)
    approve(scene)
    assert len(changed(scene.run())) == 5
    assert scene.state().approval() == replace(
        approvals.NONE, bundle=scene.state().approval().bundle
    )
    for number in range(110, 115):
        scene.by_hand("pct", "set", str(number), "--cores", "2")
    again = scene.run()
    assert changed(again) == []
    assert len(held(again)) == 5


def test_an_approval_covers_neither_another_text_nor_another_finding(tmp_path: Path) -> None:
    scene = limited(tmp_path)
    change(scene, CHANGED)
    approve(scene)
    assert changed(change(scene, FIVE.replace('cores = "2"', 'cores = "4"'))) == []
    change(scene, CHANGED)
    approve(scene)
    scene.by_hand("pct", "set", "110", "--cores", "1")
    scene.by_hand("pct", "set", "111", "--cores", "1")
    run = scene.run()
    # The three that are as they were shown go on; the two that are not have to be looked at.
    assert changed(run) == ["container 112 ct112", "container 113 ct113", "container 114 ct114"]
    assert len(held(run)) == 2


def test_an_approval_survives_a_crash_in_the_middle(tmp_path: Path) -> None:
    scene = limited(tmp_path)
    change(scene, CHANGED)
    approve(scene)
    with pytest.raises(Crash):
        scene.run(Interrupted(scene.simulated(), at=2))
    assert len(changed(scene.run())) == 4
    assert scene.plan().empty


def test_a_plan_approved_in_the_text_is_let_through(tmp_path: Path) -> None:
    scene = limited(tmp_path)
    run = change(scene, CHANGED)
    approved = delta.plan_hash(run.plan, scene.desired)
    scene.desired = replace(scene.desired, approved=("0" * 64,))
    assert changed(scene.run()) == []
    scene.desired = replace(scene.desired, approved=(approved,))
    assert len(changed(scene.run())) == 5


def test_starting_what_should_run_never_waits_for_an_approval(tmp_path: Path) -> None:
    scene = limited(tmp_path, share=0)
    for number in range(110, 115):
        scene.by_hand("pct", "stop", str(number))
    assert len(changed(scene.run())) == 5


def test_mounts_and_datasets_have_shares_of_their_own(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    for name in ("zfs-hdd/off", "zfs-hdd/off/images"):
        scene.by_hand("zfs", "set", "compression=off", name)
        scene.by_hand("zfs", "set", "atime=on", name)
    scene.desired = replace(scene.desired, max_delta=MaxDelta(datasets=50))
    run = scene.run()
    assert "2 of 2 datasets (more than 50 %)" in held(run)[0]
    scene.desired = replace(scene.desired, max_delta=MaxDelta(mounts=1))
    assert len(changed(scene.run())) == 2


def test_two_holds_are_both_kept_and_released_apart(tmp_path: Path) -> None:
    holds = Holds(tmp_path / "holds")
    holds.put(Hold(113, None, "one"))
    holds.put(Hold(HOST, LATER, "two"))
    holds.put(Hold(113, LATER, "three"))
    assert [(h.container, h.reason) for h in holds.read()] == [(HOST, "two"), (113, "three")]
    assert holds.release(114) is None
    assert holds.release(113) is not None
    assert [h.reason for h in holds.read()] == ["two"]


def test_a_hold_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(errors.AdminError):
        Holds(tmp_path / "missing" / "holds").put(Hold(HOST, None, "x"))


def test_the_directories_of_a_dataset_that_is_made_wait_for_nobody(tmp_path: Path) -> None:
    """A whole new host with owners for everything is no mass change."""
    text = "".join(
        f'[[dataset]]\nname = "zfs-hdd/{number}"\nuid = 1000\ngid = 1000\n' for number in range(9)
    )
    scene = Scene.make(tmp_path, text)
    scene.desired = replace(scene.desired, max_delta=MaxDelta(datasets=10))
    run = scene.run()
    assert run.plan.empty
    changed_owner = text.replace("uid = 1000", "uid = 1001")
    scene.desired = replace(case.desired(changed_owner), max_delta=MaxDelta(datasets=10))
    assert [wait.kind for wait in scene.run().waits] == ["approval"]
