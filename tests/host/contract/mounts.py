"""Mounts of containers, and the protection flag."""

from host.contract.scene import CT, changed, configuration, create, make, mounts, refused, source
from host.rig import Rig
from offctl.planner import actions as act


class MountContract:
    def test_adding_a_mount_is_live(self, rig: Rig) -> None:
        name = make(rig, "off")
        create(rig)
        rig.host.execute(act.StartContainer(CT, ()))
        rig.host.execute(changed(rig, {"mp0": f"/{name},mp=/mnt/off"}))
        assert mounts(rig) == {"/mnt/off": f"/{name}"}
        assert configuration(rig).pending == ()

    def test_adding_a_live_mount_without_source_changes_nothing(self, rig: Rig) -> None:
        create(rig)
        rig.host.execute(act.StartContainer(CT, ()))
        before = rig.read(CT)
        refused(rig, changed(rig, {"mp0": "/srv/missing,mp=/mnt/off"}), "FAILED")
        assert rig.read(CT) == before
        assert mounts(rig) == {}

    def test_changing_a_mount_waits_for_a_restart(self, rig: Rig) -> None:
        one, two = make(rig, "one"), make(rig, "two")
        create(rig)
        rig.host.execute(changed(rig, {"mp0": f"/{one},mp=/mnt"}))
        rig.host.execute(act.StartContainer(CT, (source(rig, "one"),)))
        rig.host.execute(changed(rig, {"mp0": f"/{two},mp=/mnt"}))
        assert configuration(rig).option("mp0") == f"/{one},mp=/mnt"
        assert mounts(rig) == {"/mnt": f"/{one}"}
        rig.host.execute(act.RestartContainer(CT, (source(rig, "two"),)))
        assert mounts(rig) == {"/mnt": f"/{two}"}

    def test_a_parent_with_a_higher_number_hides_its_child(self, rig: Rig) -> None:
        outer, inner = make(rig, "off"), make(rig, "off/products")
        create(rig)
        lines = {"mp0": f"/{inner},mp=/mnt/off/products", "mp1": f"/{outer},mp=/mnt/off"}
        rig.host.execute(changed(rig, lines))
        rig.host.execute(act.StartContainer(CT, ()))
        assert mounts(rig) == {"/mnt/off": f"/{outer}"}

    def test_numbers_count_not_their_text(self, rig: Rig) -> None:
        outer, inner = make(rig, "off"), make(rig, "off/products")
        create(rig)
        lines = {"mp10": f"/{inner},mp=/mnt/off/products", "mp9": f"/{outer},mp=/mnt/off"}
        rig.host.execute(changed(rig, lines))
        rig.host.execute(act.StartContainer(CT, ()))
        assert mounts(rig) == {"/mnt/off": f"/{outer}", "/mnt/off/products": f"/{inner}"}

    def test_a_volume_is_allocated(self, rig: Rig) -> None:
        create(rig)
        rig.host.execute(changed(rig, {"mp0": f"{rig.storage}:5,mp=/var/lib/data"}))
        line = configuration(rig).option("mp0") or ""
        assert line.startswith(f"{rig.storage}:subvol-{CT}-disk-1,mp=/var/lib/data")
        assert "size=5G" in line

    def test_an_operator_restart_shows_what_is_mounted_not_what_is_written(self, rig: Rig) -> None:
        name = make(rig, "off")
        create(rig)
        rig.host.execute(changed(rig, {"mp0": f"/{name},mp=/mnt/off"}))
        rig.run("zfs", "unmount", name)
        assert rig.run("pct", "start", str(CT)) == 0
        rig.run("zfs", "mount", name)
        assert mounts(rig)["/mnt/off"] != f"/{name}"

    def test_a_mount_that_outlives_its_host_mount_is_no_drift(self, rig: Rig) -> None:
        name = make(rig, "off")
        create(rig)
        rig.host.execute(changed(rig, {"mp0": f"/{name},mp=/mnt/off"}))
        rig.host.execute(act.StartContainer(CT, (source(rig, "off"),)))
        rig.run("zfs", "unmount", name)
        assert mounts(rig) == {"/mnt/off": f"/{name}"}

    def test_renaming_a_dataset_under_a_parent_mount_tears_the_child_out(self, rig: Rig) -> None:
        outer = make(rig, "off")
        unused = make(rig, "off/products")
        used = make(rig, "products")
        create(rig)
        lines = {"mp0": f"/{outer},mp=/mnt/off", "mp1": f"/{used},mp=/mnt/off/products"}
        rig.host.execute(changed(rig, lines))
        rig.host.execute(act.StartContainer(CT, (source(rig, "off"), source(rig, "products"))))
        assert set(mounts(rig)) == {"/mnt/off", "/mnt/off/products"}
        assert rig.run("zfs", "rename", unused, f"{rig.pool}/old") == 0
        assert set(mounts(rig)) == {"/mnt/off"}

    def test_protection_is_lifted_for_one_call_and_put_back(self, rig: Rig) -> None:
        name = make(rig, "off")
        create(rig, ("protection", "1"))
        action = changed(rig, {"mp0": f"/{name},mp=/mnt/off"}, protected=True)
        rig.host.execute(action)
        assert configuration(rig).option("protection") == "1"
        assert configuration(rig).option("mp0") == f"/{name},mp=/mnt/off"

    def test_protection_is_put_back_after_a_refusal(self, rig: Rig) -> None:
        create(rig, ("protection", "1"))
        refused(rig, changed(rig, {"mp0": "/a,b,mp=/x"}, protected=True), "FAILED")
        assert configuration(rig).option("protection") == "1"

    def test_protection_blocks_an_unprepared_change(self, rig: Rig) -> None:
        create(rig, ("protection", "1"))
        before = rig.read(CT)
        refused(rig, changed(rig, {"mp0": "/srv,mp=/mnt"}), "FAILED")
        assert rig.read(CT) == before
