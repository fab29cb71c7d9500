"""What is foreseen from a view equals what the host itself plans once it has the text."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.scenario import FULL, Scene
from offctl.observed import Configuration, ObservedContainer, Unknown
from offctl.planner import foresight, packing, planner
from offctl.planner import view as views
from offctl.planner.directories import asked
from offctl.planner.foresight import Foreseen
from offctl.planner.ledger import Ledger
from offctl.planner.packing import Observation
from offctl.planner.plan import Effect
from offctl.planner.view import HIDDEN, View
from planner import case
from planner.test_tunnels import RIGHT, observed, state

# What is written into the text of a host that is as FULL says: old, new, and what follows.
CHANGES = {
    "nothing": ("", "", ""),
    "a property": ('compression = "zstd"', 'compression = "lz4"', ""),
    "a property that leaves": ('properties = { compression = "zstd" }', "", ""),
    "a new dataset with directories": (
        "[[container]]\nid = 114",
        '[[dataset]]\nname = "zfs-hdd/off/new"\nuid = 5\ndirectory = [{ path = "a/b", uid = 1 }]\n'
        "[[container]]\nid = 114",
        "",
    ),
    "an option": ('cores = "8"', 'cores = "6"', ""),
    "an option for the next start": ('cores = "8"', 'cores = "8", tty = "1"', "restart"),
    "a mount more": (
        '  { target = "/var/cache/off"',
        '  { target = "/mnt/two", source = "/zfs-hdd/off", dataset = "zfs-hdd/off" },\n'
        '  { target = "/var/cache/off"',
        "",
    ),
    "a mount elsewhere": (
        'source = "/zfs-hdd/off/users"',
        'source = "/zfs-hdd/off/images"',
        "restart",
    ),
    "a container that starts": ('run = "stopped"', 'run = "running"', ""),
    "a container that stops": ("id = 113\n", 'id = 113\nrun = "stopped"\n', ""),
    "a new container": (
        "[[container]]\nid = 114",
        '[[container]]\nid = 115\ntemplate = "local:vztmpl/x.tar.zst"\n[[container]]\nid = 114',
        "",
    ),
    "an id-map, which is refused": ("u 1000 1000 64536", "u 1000 2000 64536", ""),
}  # fmt: skip


def carried(view: View | None) -> View:
    """As an operator's machine gets it."""
    assert view is not None
    content = packing.dump(Observation("openfoodfacts", "off2", view))
    return packing.parse(content).view


def foreseen(scene: Scene, text: str, run: Callable[[], View | None] | None = None) -> Foreseen:
    view = scene.run().view if run is None else run()
    return foresight.foresee(case.desired(text), carried(view))


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_foreseen_is_what_the_host_plans(name: str, tmp_path: Path) -> None:
    old, new, later = CHANGES[name]
    assert old in FULL
    text = FULL.replace(old, new)
    scene = Scene.make(tmp_path)
    scene.run()
    found = foreseen(scene, text)
    scene.desired = case.desired(text)
    assert found.plan == scene.plan()
    assert found.plan.empty == (name == "nothing")
    assert [each.text for each in found.later] == ([later] if later else [])
    assert found.unknown == ()
    assert found.exact


def test_it_holds_for_a_host_that_was_changed_by_hand_and_for_an_empty_one(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    bare = scene.run(observe_only="audit")
    assert foresight.foresee(scene.desired, carried(bare.view)).plan == scene.plan()
    scene.run()
    scene.by_hand("pct", "set", "113", "--cores", "1")
    scene.by_hand("zfs", "set", "compression=lz4", "zfs-hdd/off")
    scene.by_hand("pct", "stop", "113")
    found = foreseen(scene, FULL, lambda: scene.run(observe_only="audit").view)
    assert found.plan == scene.plan()
    assert found.plan.corrective == 3


def test_a_directory_nobody_asked_about_is_unknown_and_not_absent(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    text = FULL.replace('[{ path = "users"', '[{ path = "orgs", uid = 7 }, { path = "users"')
    found = foreseen(scene, text)
    assert found.plan.empty
    assert not found.exact
    assert [(f.resource.label, f.reason) for f in found.plan.findings if f.state == "unknown"] == [
        ("directory /zfs-hdd/off/orgs", foresight.NOT_ASKED)
    ]


def test_free_text_stays_on_the_host_unless_a_release_said_it(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    scene.by_hand("pct", "set", "113", "--description", "root password: hunter2")
    view = scene.run().view
    assert view is not None
    assert "hunter2" not in repr(view)
    found = foreseen(scene, FULL.replace('cores = "8"', 'cores = "8", description = "off"'))
    assert [d.observed for step in found.plan for d in step.differences] == [HIDDEN]
    assert [f.reason for f in found.unknown] == [
        "its description is free text, which stays on the host"
    ]
    scene.run(text=FULL.replace('cores = "8"', 'cores = "8", description = "off"'))
    said = foreseen(scene, FULL.replace('cores = "8"', 'cores = "8", description = "opff"'))
    assert [d.observed for step in said.plan for d in step.differences] == ["off\n"]
    assert said.unknown == ()


def test_raw_lines_other_than_the_id_map_stay_on_the_host(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    path = tmp_path / "host/etc/pve/nodes/off2/lxc/113.conf"
    path.write_text(path.read_text() + "lxc.environment: SECRET=hunter2\n")
    view = carried(scene.run().view)
    assert "hunter2" not in repr(view)
    assert not isinstance(view.observed.containers, Unknown)
    (off,) = [
        c for c in view.observed.containers if isinstance(c, ObservedContainer) and c.id == 113
    ]
    assert {key for key, _ in off.configuration.raw} == {"lxc.idmap"}


def test_a_user_property_nobody_asked_about_is_said_to_be_unknown(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    scene.by_hand("zfs", "set", "syncoid:secret=hunter2", "zfs-hdd/off")
    text = FULL.replace('compression = "zstd"', 'compression = "zstd", "syncoid:sync" = "false"')
    view = scene.run().view
    assert "hunter2" not in repr(view)
    found = foresight.foresee(case.desired(text), carried(view))
    assert [f.resource.label for f in found.unknown] == ["dataset zfs-hdd/off"]


def test_too_much_is_unknown_and_never_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene.make(tmp_path)
    view = scene.run().view
    assert view is not None
    monkeypatch.setattr(packing, "MAX_OBSERVATION", 1500)
    small = carried(view)
    assert isinstance(small.observed.datasets, Unknown)
    assert isinstance(small.observed.containers, Unknown)
    found = foresight.foresee(scene.desired, small)
    assert found.plan.empty
    assert {f.state for f in found.plan.findings} == {"unknown"}


def test_the_free_bytes_of_pools_do_not_make_a_new_view(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    assert scene.run().view == scene.run().view


def test_the_age_of_a_proof_does_not_make_a_new_view() -> None:
    def view(age: int, proof: str = "") -> View:
        ends = (replace(RIGHT.ends[0], proof=proof, proof_age=age),)
        seen = observed(replace(RIGHT, ends=ends))
        return views.of(state(), seen, Ledger(), ())

    assert view(540) == view(0)
    assert view(540, "refused") != view(540)


def test_an_empty_configuration_travels(tmp_path: Path) -> None:
    nothing = Configuration((), (), (), (), "")
    scene = Scene.make(tmp_path)
    view = scene.run().view
    assert view is not None
    observed = replace(view.observed, containers=(ObservedContainer(7, nothing, None),))
    assert carried(replace(view, observed=observed)).observed == observed


def test_an_id_map_that_goes_back_to_what_still_runs_needs_no_restart(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    path = tmp_path / "host/etc/pve/nodes/off2/lxc/113.conf"
    whole = path.read_text()
    path.write_text(whole.replace("u 1000 1000 64536", "u 1000 1000 64000"))
    still = foreseen(scene, FULL, lambda: scene.run(observe_only="audit").view)
    assert [step.text for step in still.plan] == ["set id-map"]
    assert still.later == ()
    assert still.plan == scene.plan()
    scene.by_hand("pct", "stop", "113")
    scene.by_hand("pct", "start", "113")
    taken_up = foreseen(scene, FULL, lambda: scene.run(observe_only="audit").view)
    assert [step.text for step in taken_up.plan] == ["set id-map"]
    assert [(each.text, each.effect) for each in taken_up.later] == [("restart", Effect.RESTART)]


def test_services_nobody_asked_about_are_unknown_where_the_container_runs(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.run()
    text = FULL.replace("id = 113\n", 'id = 113\nservices = ["nginx.service"]\n')
    text = text.replace("id = 114\n", 'id = 114\nservices = ["nginx.service"]\n')
    found = foreseen(scene, text)
    assert [f.resource.key for f in found.unknown] == ["service 113:nginx.service"]
    asked = scene.run(text=text).view
    assert foresight.foresee(case.desired(text), carried(asked)).exact


def test_nothing_is_foreseen_where_nothing_could_be_read(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    view = scene.run().view
    assert view is not None
    lost = Unknown("the disk is gone")
    blind = replace(view.observed, containers=lost, datasets=lost, pools=lost)
    found = foresight.foresee(scene.desired, replace(view, observed=blind))
    assert found.plan.empty
    assert found.later == ()
    assert {f.state for f in found.plan.findings} == {"unknown"}
    again = views.of(scene.desired, blind, view.remembered(), view.debts)
    assert again.observed == blind


@pytest.mark.parametrize("one", case.load(), ids=lambda one: one.name)
def test_every_case_of_the_planner_is_foreseen_from_its_view(one: case.Case) -> None:
    """But for what stays on the host, where the plan says that it is hidden."""
    seen = replace(
        one.observed,
        # Real hosts are asked about every directory of the text.
        directories=tuple(
            (path, dict(one.observed.directories).get(path)) for path in asked(one.desired)
        ),
    )
    view = views.of(one.desired, seen, one.ledger, ())
    found = foresight.foresee(one.desired, carried(view))
    if HIDDEN in repr(found.plan):
        assert found.unknown != ()
    else:
        # A host reads its ledger from the disk, where it is sorted.
        sorted_ledger = view.remembered()
        assert list(sorted_ledger) == list(one.ledger)
        assert found.plan == planner.plan(one.desired, seen, sorted_ledger)
