"""Id-maps, starting, stopping, and what is checked before."""

from host.contract.scene import (
    CT,
    IDMAP,
    LINES,
    container,
    create,
    make,
    refused,
    source,
    with_mount,
)
from host.rig import Rig
from offctl.desired.model import Subid
from offctl.planner import actions as act


class RunContract:
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

    def test_idmap_without_grant_is_not_started(self, rig: Rig) -> None:
        create(rig)
        rig.host.execute(act.SetIdmap(CT, IDMAP, ()))
        error = refused(rig, act.StartContainer(CT, ()), "PREFLIGHT")
        assert "lxc.idmap u 1000 1000 64536: /etc/subuid does not grant it" in str(error)
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

    def test_no_start_while_a_source_is_not_mounted(self, rig: Rig) -> None:
        name = with_mount(rig)
        rig.run("zfs", "unmount", name)
        error = refused(rig, act.StartContainer(CT, (source(rig, "off"),)), "PREFLIGHT")
        assert f"/{name}" in str(error)
        assert "not mounted" in str(error)
        assert not container(rig).running

    def test_no_start_while_a_source_directory_is_missing(self, rig: Rig) -> None:
        name = with_mount(rig)
        missing = act.Source(f"/{name}/data", name, f"/{name}")
        error = refused(rig, act.StartContainer(CT, (missing,)), "PREFLIGHT")
        assert "does not exist" in str(error)

    def test_no_start_through_a_link_or_a_file(self, rig: Rig) -> None:
        name = with_mount(rig)
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
        name = with_mount(rig)
        rig.host.execute(act.StartContainer(CT, (source(rig, "off"),)))
        rig.run("zfs", "unmount", name)
        refused(rig, act.RestartContainer(CT, (source(rig, "off"),)), "PREFLIGHT")
        assert container(rig).running

    def test_no_start_with_a_mount_line_pve_would_skip(self, rig: Rig) -> None:
        create(rig)
        rig.write(CT, rig.read(CT) + b"mp1: /data/a=b,mp=/mnt/eq\n")
        error = refused(rig, act.StartContainer(CT, ()), "PREFLIGHT")
        assert "mp1" in str(error)

    def test_no_start_over_a_missing_source_of_somebody_else(self, rig: Rig) -> None:
        create(rig)
        rig.run("pct", "set", str(CT), "--mp0", "/srv/missing,mp=/mnt")
        error = refused(rig, act.StartContainer(CT, ()), "PREFLIGHT")
        assert "mp0: source /srv/missing: it does not exist" in str(error)
        assert not container(rig).running

    def test_a_missing_source_does_not_stop_what_runs(self, rig: Rig) -> None:
        name = with_mount(rig)
        rig.host.execute(act.StartContainer(CT, (source(rig, "off"),)))
        rig.run("pct", "set", str(CT), "--mp0", f"/{name}/missing,mp=/mnt/off")
        error = refused(rig, act.RestartContainer(CT, ()), "PREFLIGHT")
        assert f"mp0: source /{name}/missing" in str(error)
        assert container(rig).running

    def test_a_start_that_pct_refuses_says_what_pct_said(self, rig: Rig) -> None:
        create(rig)
        rig.write(CT, rig.read(CT) + b"template: 1\n")
        error = refused(rig, act.StartContainer(CT, ()), "FAILED")
        assert "you can't start a CT if it's a template" in error.evidence
        assert not container(rig).running
