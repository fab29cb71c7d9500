"""The contract that every Host must keep, whatever it is made of."""

import pytest

from host.rig import Rig
from offctl.desired.model import (
    Access,
    Dataset,
    DesiredState,
    Directory,
    IdRange,
    Mode,
    Subid,
)
from offctl.errors import HostError
from offctl_agent.observed import (
    Configuration,
    ObservedContainer,
    ObservedDataset,
    ObservedDirectory,
    ObservedState,
    Property,
    Unknown,
)
from offctl_agent.planner import actions as act

NOTHING = DesiredState(site="test", host="off2", mode=Mode.ENFORCE)
CT = 110
TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
IDMAP = tuple(
    IdRange(kind, inside, outside, count)
    for kind in "ug"
    for inside, outside, count in ((0, 100000, 999), (1000, 1000, 64536))
)
LINES = ("u 0 100000 999", "u 1000 1000 64536", "g 0 100000 999", "g 1000 1000 64536")


def refused(rig: Rig, action: act.Action, code: str) -> HostError:
    """Execute and expect a refusal with this code and a sentence for people."""
    with pytest.raises(HostError) as caught:
        rig.host.execute(action)
    assert caught.value.code == code, str(caught.value)
    assert str(caught.value).startswith("cannot ")
    return caught.value


def look(rig: Rig, desired: DesiredState = NOTHING) -> ObservedState:
    return rig.host.observe(desired)


def dataset(rig: Rig, name: str) -> ObservedDataset | None:
    found = look(rig).datasets
    assert not isinstance(found, Unknown)
    return next((d for d in found if d.name == name), None)


def container(rig: Rig, number: int = CT) -> ObservedContainer:
    found = look(rig).containers
    assert not isinstance(found, Unknown)
    return next(c for c in found if isinstance(c, ObservedContainer) and c.id == number)


def configuration(rig: Rig, number: int = CT) -> Configuration:
    return container(rig, number).configuration


def prop(rig: Rig, name: str, key: str) -> Property:
    found = dataset(rig, name)
    assert found is not None
    value = found.property(key)
    assert value is not None
    return value


def make(rig: Rig, name: str, **properties: str) -> str:
    """Create a dataset below the pool through the host; gives its full name."""
    whole = f"{rig.pool}/{name}"
    rig.host.execute(act.CreateDataset(whole, tuple(properties.items()), f"/{whole}"))
    return whole


def create(rig: Rig, *options: tuple[str, str], number: int = CT) -> None:
    action = act.CreateContainer(number, TEMPLATE, f"{rig.storage}:8", True, options)
    rig.host.execute(action)


def changed(
    rig: Rig,
    options: dict[str, str] | None = None,
    *,
    delete: tuple[str, ...] = (),
    revert: tuple[str, ...] = (),
    protected: bool = False,
) -> act.SetContainer:
    """A SetContainer whose `before` is what is there now."""
    now = configuration(rig)
    wanted = options or {}
    before = tuple((key, now.option(key) or "") for key in (*wanted, *delete, *revert))
    return act.SetContainer(CT, tuple(wanted.items()), delete, revert, before, protected)


def source(rig: Rig, name: str) -> act.Source:
    return act.Source(f"/{rig.pool}/{name}", f"{rig.pool}/{name}", f"/{rig.pool}/{name}")


def mounts(rig: Rig) -> dict[str, str]:
    """What the running container really has."""
    effective = container(rig).effective
    assert effective is not None
    return dict(effective.mounts)


class Contract:
    """The tests; a subclass gives the fixture `rig`."""

    # Looking

    def test_an_empty_host_is_empty_not_unknown(self, rig: Rig) -> None:
        seen = look(rig)
        assert seen.containers == ()
        assert seen.guests == ()
        assert seen.writable == ""
        assert isinstance(seen.pools, tuple)
        assert [name for name, free in seen.pools if free > 0] == [rig.pool]
        assert seen.subids == (("u", 100000, 65536), ("g", 100000, 65536))

    def test_guests_of_other_nodes_and_machines_are_told(self, rig: Rig) -> None:
        rig.write(300, b"memory: 512\n", node="elsewhere")
        rig.write(200, b"memory: 512\n", kind="qemu-server")
        create(rig)
        found = look(rig).guests
        assert isinstance(found, tuple)
        assert [(number, kind) for number, kind, _ in found] == [(200, "qemu"), (300, "lxc")]

    def test_looking_twice_gives_the_same(self, rig: Rig) -> None:
        make(rig, "off", atime="off")
        create(rig)
        assert look(rig) == look(rig)

    # Datasets

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
        assert look(rig) == first

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
        assert look(rig) == before

    def test_inherited_again(self, rig: Rig) -> None:
        make(rig, "off", atime="off")
        inner = make(rig, "off/images", atime="on")
        action = act.InheritProperties(inner, ("atime",))
        rig.host.execute(action)
        assert prop(rig, inner, "atime") == Property("off", "inherited")
        rig.host.execute(action)
        assert prop(rig, inner, "atime") == Property("off", "inherited")

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
        assert look(rig) == before

    # Directories

    def _seen(
        self, rig: Rig, name: str, *paths: str
    ) -> dict[str, ObservedDirectory | Unknown | None]:
        directories = tuple(Directory(path, Access()) for path in paths)
        wish = Dataset(name, name, f"/{name}", directories=directories)
        desired = DesiredState("test", "off2", Mode.ENFORCE, datasets=(wish,))
        return dict(look(rig, desired).directories)

    def test_a_directory_is_made_with_owner_and_mode(self, rig: Rig) -> None:
        name = make(rig, "off")
        access = Access(1000, 1001, 0o2750)
        rig.host.execute(act.MakeDirectory(name, f"/{name}", "cache", access))
        rig.host.execute(act.MakeDirectory(name, f"/{name}", "cache/deep", Access()))
        seen = self._seen(rig, name, "cache", "cache/deep", "nothing")
        assert seen[f"/{name}/cache"] == ObservedDirectory(1000, 1001, 0o2750)
        assert isinstance(seen[f"/{name}/cache/deep"], ObservedDirectory)
        assert seen[f"/{name}/nothing"] is None

    def test_making_a_directory_again_keeps_its_files(self, rig: Rig) -> None:
        name = make(rig, "off")
        action = act.MakeDirectory(name, f"/{name}", "cache", Access(1000, 1000, 0o755))
        rig.host.execute(action)
        rig.put(f"/{name}/cache/file", "kept")
        rig.host.execute(action)
        assert rig.get(f"/{name}/cache/file") == "kept"

    def test_access_of_a_mountpoint_leaves_the_rest_alone(self, rig: Rig) -> None:
        name = make(rig, "off")
        rig.host.execute(act.SetAccess(name, f"/{name}", "", Access(1000, 1000, 0o770)))
        rig.host.execute(act.SetAccess(name, f"/{name}", "", Access(gid=33)))
        assert self._seen(rig, name)[f"/{name}"] == ObservedDirectory(1000, 33, 0o770)

    @pytest.mark.parametrize("path", ["../x", "/etc", "a/../../x", ".", "a//b"])
    def test_no_way_out_of_a_dataset(self, rig: Rig, path: str) -> None:
        name = make(rig, "off")
        access = Access(0, 0, 0o777)
        refused(rig, act.MakeDirectory(name, f"/{name}", path, access), "PREFLIGHT")
        refused(rig, act.SetAccess(name, f"/{name}", path, access), "PREFLIGHT")

    def test_links_are_not_followed(self, rig: Rig) -> None:
        name = make(rig, "off")
        rig.link(f"/{name}/trap", "/")
        access = Access(1000, 1000, 0o777)
        refused(rig, act.SetAccess(name, f"/{name}", "trap", access), "PREFLIGHT")
        refused(rig, act.MakeDirectory(name, f"/{name}", "trap", access), "PREFLIGHT")
        refused(rig, act.MakeDirectory(name, f"/{name}", "trap/in", access), "PREFLIGHT")
        assert isinstance(self._seen(rig, name, "trap")[f"/{name}/trap"], Unknown)

    def test_a_nested_dataset_is_not_ours_to_touch(self, rig: Rig) -> None:
        outer = make(rig, "off")
        make(rig, "off/images")
        access = Access(1000, 1000, 0o777)
        refused(rig, act.SetAccess(outer, f"/{outer}", "images", access), "PREFLIGHT")
        refused(rig, act.MakeDirectory(outer, f"/{outer}", "images/x", access), "PREFLIGHT")

    def test_nothing_is_made_under_an_unmounted_dataset(self, rig: Rig) -> None:
        name = make(rig, "off")
        rig.run("zfs", "unmount", name)
        action = act.MakeDirectory(name, f"/{name}", "cache", Access())
        refused(rig, action, "PREFLIGHT")
        assert self._seen(rig, name, "cache")[f"/{name}/cache"] is None

    def test_a_directory_below_a_missing_one_is_refused(self, rig: Rig) -> None:
        name = make(rig, "off")
        refused(rig, act.MakeDirectory(name, f"/{name}", "a/b", Access()), "PREFLIGHT")

    # Subordinate ids

    def test_subids_are_added_and_never_taken(self, rig: Rig) -> None:
        wanted = (Subid("u", 1000, 64536), Subid("g", 1000, 64536))
        rig.host.execute(act.GrantSubids(wanted))
        rig.host.execute(act.GrantSubids(wanted))
        assert look(rig).subids == (
            ("u", 100000, 65536),
            ("u", 1000, 64536),
            ("g", 100000, 65536),
            ("g", 1000, 64536),
        )

    # Creating containers

    def test_a_created_container_is_stopped_and_complete(self, rig: Rig) -> None:
        create(rig, ("hostname", "off"), ("memory", "1024"), ("onboot", "1"))
        now = configuration(rig)
        assert not container(rig).running
        assert now.option("hostname") == "off"
        assert now.option("memory") == "1024"
        assert now.option("unprivileged") == "1"
        assert "size=8G" in (now.option("rootfs") or "")
        assert now.lock == ""

    def test_creating_an_existing_id_is_a_conflict(self, rig: Rig) -> None:
        create(rig, ("hostname", "first"))
        action = act.CreateContainer(CT, TEMPLATE, f"{rig.storage}:8", True, ())
        refused(rig, action, "CONFLICT")
        assert configuration(rig).option("hostname") == "first"

    @pytest.mark.parametrize(("node", "kind"), [("elsewhere", "lxc"), ("", "qemu-server")])
    def test_creating_an_id_used_elsewhere_is_a_conflict(
        self, rig: Rig, node: str, kind: str
    ) -> None:
        rig.write(CT, b"memory: 512\n", node=node, kind=kind)
        action = act.CreateContainer(CT, TEMPLATE, f"{rig.storage}:8", True, ())
        refused(rig, action, "CONFLICT")
        assert look(rig).containers == ()

    @pytest.mark.parametrize(
        ("key", "value"),
        [("hostname", "web_1"), ("memory", "1G"), ("net0", "bridge=vmbr0"), ("lxc.idmap", "u")],
    )
    def test_options_pct_refuses_leave_nothing(self, rig: Rig, key: str, value: str) -> None:
        before = look(rig)
        action = act.CreateContainer(CT, TEMPLATE, f"{rig.storage}:8", True, ((key, value),))
        refused(rig, action, "FAILED")
        assert look(rig) == before

    def test_an_unknown_storage_leaves_nothing(self, rig: Rig) -> None:
        before = look(rig)
        refused(rig, act.CreateContainer(CT, TEMPLATE, "nowhere:8", True, ()), "FAILED")
        assert look(rig) == before

    # Options

    def test_options_of_a_stopped_container_are_active_at_once(self, rig: Rig) -> None:
        create(rig)
        rig.host.execute(changed(rig, {"tty": "3", "nameserver": "1.1.1.1,9.9.9.9"}))
        now = configuration(rig)
        assert now.option("tty") == "3"
        assert now.option("nameserver") == "1.1.1.1 9.9.9.9"
        assert now.pending == ()

    def test_an_absent_key_is_deleted(self, rig: Rig) -> None:
        create(rig, ("cores", "2"))
        rig.host.execute(changed(rig, {"memory": "600"}, delete=("cores",)))
        assert configuration(rig).option("cores") is None
        assert configuration(rig).option("memory") == "600"

    def test_text_with_newlines_colons_and_percent_survives(self, rig: Rig) -> None:
        create(rig)
        text = "a: b % c # d\n\ncaf\u00e9 \u2713 [x]"
        rig.host.execute(changed(rig, {"description": text}))
        assert configuration(rig).option("description") == text + "\n"

    def test_setting_twice_changes_nothing(self, rig: Rig) -> None:
        create(rig)
        rig.host.execute(changed(rig, {"memory": "700", "tags": "Web;prod"}))
        first = rig.read(CT)
        rig.host.execute(changed(rig, {"memory": "700", "tags": "prod;web"}))
        assert rig.read(CT) == first

    def test_what_changed_meanwhile_is_a_conflict(self, rig: Rig) -> None:
        create(rig)
        action = changed(rig, {"memory": "700"})
        rig.run("pct", "set", str(CT), "--memory", "900")
        error = refused(rig, action, "CONFLICT")
        assert "900" in str(error)
        assert configuration(rig).option("memory") == "900"

    def test_what_appeared_meanwhile_is_a_conflict(self, rig: Rig) -> None:
        create(rig)
        action = changed(rig, {"mp0": "/srv/a,mp=/a"})
        rig.run("pct", "set", str(CT), "--mp0", "/srv/b,mp=/b")
        refused(rig, action, "CONFLICT")
        assert configuration(rig).option("mp0") == "/srv/b,mp=/b"

    def test_setting_a_container_that_is_not_there(self, rig: Rig) -> None:
        action = act.SetContainer(999, (("memory", "600"),), (), (), (("memory", ""),), False)
        refused(rig, action, "CONFLICT")

    @pytest.mark.parametrize(
        ("key", "value"),
        [("memory", "0"), ("unprivileged", "0"), ("mp0", "/a,b,mp=/x"), ("startup", "order=x")],
    )
    def test_values_pct_refuses(self, rig: Rig, key: str, value: str) -> None:
        create(rig)
        before = rig.read(CT)
        refused(rig, changed(rig, {key: value}), "FAILED")
        assert rig.read(CT) == before

    def test_an_interface_keeps_the_address_it_is_given(self, rig: Rig) -> None:
        create(rig, ("net0", "name=eth0,bridge=vmbr0,ip=dhcp"))
        line = configuration(rig).option("net0") or ""
        assert "hwaddr=" in line
        rig.host.execute(changed(rig, {"net0": line.replace("ip=dhcp", "ip=10.1.0.110/24")}))
        now = configuration(rig).option("net0") or ""
        assert now == line.replace("ip=dhcp", "ip=10.1.0.110/24")

    # Pending

    def test_what_cannot_be_plugged_waits(self, rig: Rig) -> None:
        create(rig)
        rig.host.execute(act.StartContainer(CT, ()))
        rig.host.execute(changed(rig, {"tty": "3", "memory": "700", "hostname": "new"}))
        now = configuration(rig)
        assert now.pending == (("tty", "3"),)
        assert now.option("tty") is None
        assert (now.option("memory"), now.option("hostname")) == ("700", "new")

    def test_a_restart_applies_what_waits(self, rig: Rig) -> None:
        create(rig)
        rig.host.execute(act.StartContainer(CT, ()))
        rig.host.execute(changed(rig, {"tty": "3"}))
        rig.host.execute(act.RestartContainer(CT, ()))
        assert container(rig).running
        assert configuration(rig).option("tty") == "3"
        assert configuration(rig).pending == ()

    def test_revert_forgets_what_waits(self, rig: Rig) -> None:
        create(rig)
        rig.host.execute(act.StartContainer(CT, ()))
        rig.host.execute(changed(rig, {"tty": "3"}))
        rig.host.execute(changed(rig, revert=("tty",)))
        assert configuration(rig).pending == ()

    def test_a_deletion_waits_and_can_be_reverted(self, rig: Rig) -> None:
        name = make(rig, "off")
        create(rig)
        rig.host.execute(changed(rig, {"mp0": f"/{name},mp=/mnt/off"}))
        rig.host.execute(act.StartContainer(CT, ()))
        rig.host.execute(changed(rig, delete=("mp0",)))
        assert configuration(rig).pending_delete == ("mp0",)
        assert mounts(rig) == {"/mnt/off": f"/{name}"}
        rig.host.execute(changed(rig, revert=("mp0",)))
        assert configuration(rig).pending_delete == ()

    # Mounts

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

    # Protection

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

    # Id-maps

    def test_idmap_lines_are_the_only_bytes_that_change(self, rig: Rig) -> None:
        create(rig)
        by_hand = b"# note\nswap:  0\n??? unreadable\n" + rig.read(CT) + b"lxc.cap.drop: mknod\n"
        rig.write(CT, by_hand + b"\n[old]\nmemory: 1\n")
        rig.host.execute(act.SetIdmap(CT, IDMAP, ()))
        lines = b"".join(b"lxc.idmap: " + line.encode() + b"\n" for line in LINES)
        assert rig.read(CT) == by_hand + lines + b"\n[old]\nmemory: 1\n"

    def test_idmap_is_effective_after_a_start(self, rig: Rig) -> None:
        rig.host.execute(act.GrantSubids((Subid("u", 1000, 64536), Subid("g", 1000, 64536))))
        create(rig)
        rig.host.execute(act.StartContainer(CT, ()))
        rig.host.execute(act.SetIdmap(CT, IDMAP, ()))
        now = container(rig)
        assert now.effective is not None
        assert now.effective.idmap == ("u 0 100000 65536", "g 0 100000 65536")
        rig.host.execute(act.RestartContainer(CT, ()))
        now = container(rig)
        assert now.effective is not None
        assert now.effective.idmap == LINES

    def test_idmap_without_grant_fails_at_start(self, rig: Rig) -> None:
        create(rig)
        rig.host.execute(act.SetIdmap(CT, IDMAP, ()))
        error = refused(rig, act.StartContainer(CT, ()), "FAILED")
        assert "not allowed" in error.evidence
        assert not container(rig).running

    def test_idmap_set_twice_and_taken_away(self, rig: Rig) -> None:
        create(rig)
        before = rig.read(CT)
        rig.host.execute(act.SetIdmap(CT, IDMAP, ()))
        rig.host.execute(act.SetIdmap(CT, IDMAP, ()))
        rig.host.execute(act.SetIdmap(CT, (), LINES))
        assert rig.read(CT) == before

    def test_idmap_changed_meanwhile_is_a_conflict(self, rig: Rig) -> None:
        create(rig)
        rig.write(CT, rig.read(CT) + b"lxc.idmap: u 0 1 2\n")
        before = rig.read(CT)
        refused(rig, act.SetIdmap(CT, IDMAP, ()), "CONFLICT")
        assert rig.read(CT) == before

    # Starting and stopping

    def test_start_restart_and_shut_down(self, rig: Rig) -> None:
        create(rig)
        rig.host.execute(act.StartContainer(CT, ()))
        rig.host.execute(act.StartContainer(CT, ()))
        assert container(rig).running
        rig.host.execute(act.ShutDownContainer(CT))
        rig.host.execute(act.ShutDownContainer(CT))
        assert not container(rig).running

    def test_restarting_a_stopped_container_is_a_conflict(self, rig: Rig) -> None:
        create(rig)
        refused(rig, act.RestartContainer(CT, ()), "CONFLICT")
        assert not container(rig).running

    def _mounted(self, rig: Rig) -> str:
        name = make(rig, "off")
        create(rig)
        rig.host.execute(changed(rig, {"mp0": f"/{name},mp=/mnt/off"}))
        return name

    def test_no_start_while_a_source_is_not_mounted(self, rig: Rig) -> None:
        name = self._mounted(rig)
        rig.run("zfs", "unmount", name)
        error = refused(rig, act.StartContainer(CT, (source(rig, "off"),)), "PREFLIGHT")
        assert f"/{name}" in str(error)
        assert "not mounted" in str(error)
        assert not container(rig).running

    def test_no_start_while_a_source_directory_is_missing(self, rig: Rig) -> None:
        name = self._mounted(rig)
        missing = act.Source(f"/{name}/data", name, f"/{name}")
        error = refused(rig, act.StartContainer(CT, (missing,)), "PREFLIGHT")
        assert "does not exist" in str(error)

    def test_no_start_through_a_link_or_a_file(self, rig: Rig) -> None:
        name = self._mounted(rig)
        rig.link(f"/{name}/link", "/")
        rig.put(f"/{name}/file", "")
        for path in ("link", "file"):
            bad = act.Source(f"/{name}/{path}", name, f"/{name}")
            error = refused(rig, act.StartContainer(CT, (bad,)), "PREFLIGHT")
            assert path in str(error)

    def test_no_start_over_a_hidden_source(self, rig: Rig) -> None:
        outer, inner = make(rig, "off"), make(rig, "off/products")
        create(rig)
        rig.run("zfs", "unmount", outer)
        rig.run("zfs", "mount", inner)
        rig.run("zfs", "mount", outer)
        wanted = act.StartContainer(CT, (source(rig, "off/products"),))
        assert "hidden" in str(refused(rig, wanted, "PREFLIGHT"))

    def test_no_start_when_the_source_lies_in_another_dataset(self, rig: Rig) -> None:
        outer, inner = make(rig, "off"), make(rig, "off/products")
        create(rig)
        wrong = act.Source(f"/{inner}", outer, f"/{outer}")
        error = refused(rig, act.StartContainer(CT, (wrong,)), "PREFLIGHT")
        assert inner in str(error)

    def test_a_bad_source_does_not_stop_what_runs(self, rig: Rig) -> None:
        name = self._mounted(rig)
        rig.host.execute(act.StartContainer(CT, (source(rig, "off"),)))
        rig.run("zfs", "unmount", name)
        refused(rig, act.RestartContainer(CT, (source(rig, "off"),)), "PREFLIGHT")
        assert container(rig).running

    def test_no_start_with_a_mount_line_pve_would_skip(self, rig: Rig) -> None:
        create(rig)
        rig.write(CT, rig.read(CT) + b"mp1: /data/a=b,mp=/mnt/eq\n")
        error = refused(rig, act.StartContainer(CT, ()), "PREFLIGHT")
        assert "mp1" in str(error)

    def test_a_start_that_pct_refuses_says_what_pct_said(self, rig: Rig) -> None:
        create(rig)
        rig.run("pct", "set", str(CT), "--mp0", "/srv/missing,mp=/mnt")
        error = refused(rig, act.StartContainer(CT, ()), "FAILED")
        assert "startup for container" in error.evidence
        assert not container(rig).running

    # Locks, quorum, damage

    @pytest.mark.parametrize(
        "action",
        [
            act.SetContainer(CT, (("memory", "600"),), (), (), (("memory", "512"),), False),
            act.SetIdmap(CT, IDMAP, ()),
            act.StartContainer(CT, ()),
            act.RestartContainer(CT, ()),
            act.ShutDownContainer(CT),
        ],
        ids=lambda action: type(action).__name__,
    )
    def test_a_locked_container_is_left_alone(self, rig: Rig, action: act.Action) -> None:
        create(rig)
        rig.write(CT, b"lock: backup\n" + rig.read(CT))
        before = rig.read(CT)
        assert configuration(rig).lock == "backup"
        assert "backup" in str(refused(rig, action, "LOCKED"))
        assert rig.read(CT) == before

    @pytest.mark.parametrize(
        "action",
        [
            act.CreateContainer(CT + 1, TEMPLATE, "local:8", True, ()),
            act.SetContainer(CT, (("memory", "600"),), (), (), (("memory", "512"),), False),
            act.SetIdmap(CT, IDMAP, ()),
            act.StartContainer(CT, ()),
            act.RestartContainer(CT, ()),
        ],
        ids=lambda action: type(action).__name__,
    )
    def test_without_quorum_nothing_is_tried(self, rig: Rig, action: act.Action) -> None:
        create(rig)
        rig.damage("no_quorum")
        before = look(rig)
        assert "quorum" in before.writable
        refused(rig, action, "NO_QUORUM")
        assert look(rig) == before

    def test_without_quorum_a_running_container_is_not_stopped_for_a_restart(
        self, rig: Rig
    ) -> None:
        create(rig)
        rig.host.execute(act.StartContainer(CT, ()))
        rig.damage("no_quorum")
        refused(rig, act.RestartContainer(CT, ()), "NO_QUORUM")
        assert container(rig).running

    def test_an_unmounted_etc_pve_is_unknown_not_empty(self, rig: Rig) -> None:
        create(rig)
        rig.damage("pve_not_mounted")
        seen = look(rig)
        assert isinstance(seen.containers, Unknown)
        assert isinstance(seen.guests, Unknown)
        assert seen.writable != ""
        assert isinstance(seen.datasets, tuple)
        refused(rig, act.StartContainer(CT, ()), "FAILED")
        rig.mend()
        assert not container(rig).running

    def test_unreadable_zfs_is_unknown_not_empty(self, rig: Rig) -> None:
        name = make(rig, "off")
        rig.damage("zfs_unreadable", "permission denied")
        seen = look(rig)
        assert isinstance(seen.datasets, Unknown)
        assert isinstance(seen.pools, Unknown)
        assert "permission denied" in seen.datasets.reason
        assert isinstance(seen.containers, tuple)
        refused(rig, act.SetProperties(name, (("atime", "off"),)), "FAILED")

    def test_a_missing_pool_is_not_a_pool(self, rig: Rig) -> None:
        name = make(rig, "off")
        rig.damage("pool_missing", rig.pool)
        seen = look(rig)
        assert isinstance(seen.pools, tuple)
        assert rig.pool not in dict(seen.pools)
        refused(rig, act.CreateDataset(f"{rig.pool}/new", (), f"/{rig.pool}/new"), "FAILED")
        refused(rig, act.MakeDirectory(name, f"/{name}", "x", Access()), "PREFLIGHT")
        rig.mend()
        assert dataset(rig, name) is not None

    def test_a_missing_pool_prevents_the_start(self, rig: Rig) -> None:
        self._mounted(rig)
        rig.damage("pool_missing", rig.pool)
        refused(rig, act.StartContainer(CT, (source(rig, "off"),)), "PREFLIGHT")

    def test_a_read_only_pool_is_seen_and_not_offered(self, rig: Rig) -> None:
        name = make(rig, "off")
        rig.damage("pool_readonly", rig.pool)
        seen = look(rig)
        assert isinstance(seen.pools, tuple)
        assert rig.pool not in dict(seen.pools)
        assert dataset(rig, name) is not None
        refused(rig, act.SetProperties(name, (("atime", "off"),)), "FAILED")

    def test_a_command_that_fails_is_reported_in_its_words(self, rig: Rig) -> None:
        name = make(rig, "off")
        rig.damage("fails", "zfs set")
        error = refused(rig, act.SetProperties(name, (("atime", "off"),)), "FAILED")
        assert error.evidence
        assert prop(rig, name, "atime").source == "default"

    def test_a_command_that_fails_after_its_work_is_no_success(self, rig: Rig) -> None:
        create(rig)
        rig.damage("fails_after", "pct set")
        refused(rig, changed(rig, {"memory": "700"}), "FAILED")
        assert configuration(rig).option("memory") == "700"

    def test_a_command_that_hangs_is_given_up(self, rig: Rig) -> None:
        create(rig)
        rig.damage("hangs", "pct start")
        error = refused(rig, act.StartContainer(CT, ()), "TIMEOUT")
        assert error.hint
        rig.mend()
        assert not container(rig).running

    def test_a_protection_lifted_for_a_hanging_call_is_put_back(self, rig: Rig) -> None:
        create(rig, ("protection", "1"))
        rig.damage("hangs", f"pct set {CT} --mp0")
        action = changed(rig, {"mp0": "/srv,mp=/mnt"}, protected=True)
        refused(rig, action, "TIMEOUT")
        assert configuration(rig).option("protection") == "1"

    # Strangers

    def test_what_is_not_ours_survives(self, rig: Rig) -> None:
        create(rig)
        rig.write(
            CT, rig.read(CT) + b"foo: bar\nlxc.cap.drop: mknod\n#by hand\n\n[s1]\nmemory: 1\n"
        )
        rig.host.execute(changed(rig, {"memory": "600"}))
        content = rig.read(CT)
        assert content.startswith(b"#by hand\n")
        assert b"foo: bar\n" in content
        assert content.endswith(b"lxc.cap.drop: mknod\n\n[s1]\nmemory: 1\n")

    def test_unreadable_lines_are_told(self, rig: Rig) -> None:
        create(rig)
        rig.write(CT, rig.read(CT) + b"memory=600\n")
        assert configuration(rig).complaints == ("memory=600",)

    def test_a_stop_by_hand_is_seen(self, rig: Rig) -> None:
        create(rig)
        rig.host.execute(act.StartContainer(CT, ()))
        assert rig.run("pct", "stop", str(CT)) == 0
        assert not container(rig).running

    def test_a_lock_left_by_a_killed_create_is_seen(self, rig: Rig) -> None:
        rig.write(CT, b"lock: create\n")
        assert configuration(rig).lock == "create"
        refused(rig, act.StartContainer(CT, ()), "LOCKED")

    def test_no_file_of_ours_is_ever_lost(self, rig: Rig) -> None:
        name = self._mounted(rig)
        rig.put(f"/{name}/precious", "data")
        rig.host.execute(act.StartContainer(CT, (source(rig, "off"),)))
        rig.host.execute(act.SetProperties(name, (("atime", "off"), ("readonly", "off"))))
        rig.host.execute(act.SetAccess(name, f"/{name}", "", Access(1000, 1000, 0o700)))
        rig.host.execute(changed(rig, delete=("mp0",)))
        rig.host.execute(act.RestartContainer(CT, ()))
        assert mounts(rig) == {}
        assert rig.get(f"/{name}/precious") == "data"
