"""Containers: creation, options, what waits for a restart."""

import pytest

from host.contract.scene import (
    CT,
    TEMPLATE,
    changed,
    configuration,
    container,
    create,
    look,
    make,
    mounts,
    refused,
    standing,
)
from host.rig import Rig
from offctl.planner import actions as act


class OptionContract:
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
        before = standing(rig)
        action = act.CreateContainer(CT, TEMPLATE, f"{rig.storage}:8", True, ((key, value),))
        refused(rig, action, "FAILED")
        assert standing(rig) == before

    def test_an_unknown_storage_leaves_nothing(self, rig: Rig) -> None:
        before = standing(rig)
        refused(rig, act.CreateContainer(CT, TEMPLATE, "nowhere:8", True, ()), "FAILED")
        assert standing(rig) == before

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
