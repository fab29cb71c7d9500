"""Datasets: creation, properties and their sources, mounting."""

import pytest

from host.contract.scene import dataset, look, make, prop, refused
from host.rig import Rig
from offctl.errors import HostError
from offctl.observed import Property
from offctl.planner import actions as act


class DatasetContract:
    def test_a_created_dataset_is_mounted_and_has_its_properties(self, rig: Rig) -> None:
        name = make(rig, "off", atime="off", quota="10G", compression="zstd")
        found = dataset(rig, name)
        assert found is not None
        assert (found.kind, found.mounted_at) == ("filesystem", f"/{name}")
        assert prop(rig, name, "atime") == Property("off", "local")
        assert prop(rig, name, "quota") == Property("10737418240", "local")
        assert prop(rig, name, "compression") == Property("zstd", "local")

    def test_a_dataset_with_its_own_mountpoint_appears_there(self, rig: Rig) -> None:
        name = f"{rig.pool}/off"
        settings = (("mountpoint", "/srv/off"),)
        rig.host.execute(act.CreateDataset(name, settings, "/srv/off"))
        found = dataset(rig, name)
        assert found is not None
        assert found.mounted_at == "/srv/off"

    def test_three_sources_of_a_property(self, rig: Rig) -> None:
        outer = make(rig, "off", atime="off")
        inner = make(rig, "off/images")
        assert prop(rig, outer, "atime").source == "local"
        assert prop(rig, inner, "atime") == Property("off", "inherited")
        assert prop(rig, inner, "relatime").source == "default"

    def test_limits_are_not_inherited(self, rig: Rig) -> None:
        make(rig, "off", quota="10G")
        inner = make(rig, "off/images")
        assert prop(rig, inner, "quota") == Property("0", "default")

    def test_a_received_property_says_so(self, rig: Rig) -> None:
        name = f"{rig.pool}/replica"
        assert rig.run("zfs", "receive", "-o", "atime=off", name) == 0
        assert prop(rig, name, "atime") == Property("off", "received")

    def test_a_local_value_beats_a_received_one(self, rig: Rig) -> None:
        name = f"{rig.pool}/replica"
        rig.run("zfs", "receive", "-o", "atime=off", name)
        rig.host.execute(act.SetProperties(name, (("atime", "on"),)))
        assert prop(rig, name, "atime") == Property("on", "local")

    def test_set_properties_is_seen(self, rig: Rig) -> None:
        name = make(rig, "off")
        wanted = (("recordsize", "16K"), ("sync", "disabled"), ("org:note", "a b, c=d"))
        rig.host.execute(act.SetProperties(name, wanted))
        assert prop(rig, name, "recordsize") == Property("16384", "local")
        assert prop(rig, name, "sync") == Property("disabled", "local")
        assert prop(rig, name, "org:note") == Property("a b, c=d", "local")

    def test_set_properties_twice_changes_nothing(self, rig: Rig) -> None:
        name = make(rig, "off")
        action = act.SetProperties(name, (("atime", "off"),))
        rig.host.execute(action)
        first = look(rig)
        rig.host.execute(action)
        assert look(rig).datasets == first.datasets

    def test_one_bad_value_sets_none(self, rig: Rig) -> None:
        name = make(rig, "off")
        wanted = (("atime", "off"), ("relatime", "no"))
        error = refused(rig, act.SetProperties(name, wanted), "FAILED")
        assert "relatime" in str(error)
        assert prop(rig, name, "atime").source == "default"

    @pytest.mark.parametrize(
        ("key", "value"),
        [("bogus", "1"), ("quota", "lots"), ("compression", "zip"), ("utf8only", "on")],
    )
    def test_what_zfs_refuses_is_refused(self, rig: Rig, key: str, value: str) -> None:
        name = make(rig, "off")
        before = look(rig)
        refused(rig, act.SetProperties(name, ((key, value),)), "FAILED")
        assert look(rig).datasets == before.datasets

    def test_inherited_again(self, rig: Rig) -> None:
        make(rig, "off", atime="off")
        inner = make(rig, "off/images", atime="on")
        action = act.InheritProperties(inner, ("atime",))
        rig.host.execute(action)
        assert prop(rig, inner, "atime") == Property("off", "inherited")
        rig.host.execute(action)
        assert prop(rig, inner, "atime") == Property("off", "inherited")

    def test_a_limit_is_given_back(self, rig: Rig) -> None:
        name = make(rig, "off", quota="10G", refreservation="1G")
        rig.host.execute(act.InheritProperties(name, ("quota", "refreservation")))
        assert prop(rig, name, "quota") == Property("0", "default")
        assert prop(rig, name, "refreservation") == Property("0", "default")

    def test_what_cannot_be_inherited_is_refused(self, rig: Rig) -> None:
        name = make(rig, "off", canmount="noauto")
        error = refused(rig, act.InheritProperties(name, ("canmount",)), "FAILED")
        assert "cannot be inherited" in error.evidence

    def test_creating_below_nothing_is_refused(self, rig: Rig) -> None:
        name = f"{rig.pool}/missing/off"
        refused(rig, act.CreateDataset(name, (), f"/{name}"), "FAILED")
        assert dataset(rig, name) is None

    def test_creating_what_exists_is_a_conflict(self, rig: Rig) -> None:
        name = make(rig, "off", atime="off")
        refused(rig, act.CreateDataset(name, (), f"/{name}"), "CONFLICT")
        assert prop(rig, name, "atime") == Property("off", "local")

    def test_creating_over_files_is_refused(self, rig: Rig) -> None:
        name = f"{rig.pool}/off"
        rig.put(f"/{name}/precious", "data")
        error = refused(rig, act.CreateDataset(name, (), f"/{name}"), "PREFLIGHT")
        assert "precious" in str(error)
        assert dataset(rig, name) is None
        assert rig.get(f"/{name}/precious") == "data"

    def test_creating_through_a_link_is_refused(self, rig: Rig) -> None:
        name = f"{rig.pool}/off"
        rig.link(f"/{name}", "/tmp")
        refused(rig, act.CreateDataset(name, (), f"/{name}"), "PREFLIGHT")
        assert dataset(rig, name) is None

    def test_an_unmounted_dataset_is_seen_and_mounted(self, rig: Rig) -> None:
        name = make(rig, "off")
        rig.put(f"/{name}/file", "kept")
        rig.run("zfs", "unmount", name)
        found = dataset(rig, name)
        assert found is not None
        assert found.mounted_at == ""
        assert rig.get(f"/{name}/file") is None
        action = act.MountDataset(name, f"/{name}")
        rig.host.execute(action)
        assert rig.get(f"/{name}/file") == "kept"
        rig.host.execute(action)
        assert rig.get(f"/{name}/file") == "kept"

    def test_mounting_over_files_is_refused(self, rig: Rig) -> None:
        name = make(rig, "off")
        rig.run("zfs", "unmount", name)
        rig.put(f"/{name}/stray", "written while it was not mounted")
        error = refused(rig, act.MountDataset(name, f"/{name}"), "PREFLIGHT")
        assert "stray" in str(error)
        assert rig.get(f"/{name}/stray") is not None

    def test_mounting_elsewhere_is_a_conflict(self, rig: Rig) -> None:
        name = make(rig, "off")
        rig.run("zfs", "unmount", name)
        refused(rig, act.MountDataset(name, "/somewhere"), "CONFLICT")

    def test_a_hidden_mount_is_not_called_mounted(self, rig: Rig) -> None:
        outer, inner = make(rig, "off"), make(rig, "off/products")
        rig.run("zfs", "unmount", outer)
        rig.run("zfs", "mount", inner)
        rig.run("zfs", "mount", outer)
        found = dataset(rig, inner)
        assert found is not None
        assert found.mounted_at == ""
        error = refused(rig, act.MountDataset(inner, f"/{inner}"), "PREFLIGHT")
        assert "hidden" in str(error)

    @pytest.mark.parametrize("name", ["my data", "-dash", "a.b:c_d-e", "x" * 60])
    def test_hostile_dataset_names(self, rig: Rig, name: str) -> None:
        whole = make(rig, name, atime="off")
        found = dataset(rig, whole)
        assert found is not None
        assert found.mounted_at == f"/{whole}"
        rig.host.execute(act.SetProperties(whole, (("atime", "on"),)))
        rig.host.execute(act.InheritProperties(whole, ("atime",)))
        assert prop(rig, whole, "atime").source == "default"

    @pytest.mark.parametrize("name", ["a@b", "a#b", "a//b", "caf\u00e9", "a;b", "$(x)", "a\nb"])
    def test_impossible_dataset_names(self, rig: Rig, name: str) -> None:
        before = look(rig)
        whole = f"{rig.pool}/{name}"
        with pytest.raises(HostError):
            rig.host.execute(act.CreateDataset(whole, (), f"/{rig.pool}/x"))
        assert look(rig).datasets == before.datasets
