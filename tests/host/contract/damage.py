"""Locks, lost quorum, missing pools, commands that fail or hang."""

import pytest

from host.contract.scene import (
    CT,
    IDMAP,
    TEMPLATE,
    changed,
    configuration,
    container,
    create,
    dataset,
    look,
    make,
    prop,
    refused,
    source,
    standing,
    with_mount,
)
from host.rig import Rig
from offctl.desired.model import Access
from offctl.observed import Unknown
from offctl.planner import actions as act


class DamageContract:
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
        before = standing(rig)
        assert "quorum" in before.writable
        refused(rig, action, "NO_QUORUM")
        assert standing(rig) == before

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
        with_mount(rig)
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
