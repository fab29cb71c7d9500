"""The same through the doors of a real node: its files, its process table, its programs."""

from pathlib import Path

from adopt.test_nothing_changes import compiled, tree
from host.simulatedrig import NODE
from offctl.planner import planner
from offctl.planner.ledger import Ledger
from offctl_agent.adopt import adopting, telling
from proxmox.rig import ProxmoxRig

TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"


def built(root: Path) -> ProxmoxRig:
    rig = ProxmoxRig(root)
    for argv in (
        ("zfs", "create", "-o", "compression=zstd", "tank/off"),
        ("zfs", "create", "-o", "atime=off", "tank/off/users"),
        ("pct", "create", "113", TEMPLATE, "--rootfs", "tank-pve:8", "--unprivileged", "1"),
        ("pct", "set", "113", "--hostname", "off", "--cores", "4"),
        ("pct", "set", "113", "--net0", "name=eth0,bridge=vmbr0,ip=10.1.0.113/24"),
        ("pct", "set", "113", "--mp0", "/tank/off,mp=/mnt/off"),
        ("pct", "set", "113", "--mp1", "/tank/off/users,mp=/mnt/off/users,ro=1"),
        ("pct", "set", "113", "--protection", "1"),
        ("pct", "start", "113"),
    ):
        assert rig.run(*argv) == 0, argv
    rig.kernel.render()
    return rig


def test_a_node_is_taken_over_and_not_touched(tmp_path: Path) -> None:
    rig = built(tmp_path / "host")
    before = tree(rig.root)
    done = adopting.adopt(rig.proxmox, NODE)
    assert tree(rig.root) == before
    assert done.lefts == ()
    assert telling.status(done) == 0
    state = compiled(telling.text(done), tmp_path)
    assert state == done.built.desired
    assert planner.plan(state, rig.proxmox.observe(state), Ledger()).empty
    (container,) = state.containers
    assert (container.id, container.run.value, len(container.mounts)) == (113, "running", 2)
    assert rig.calls.asked == []


def test_a_node_whose_storages_cannot_be_read_says_so(tmp_path: Path) -> None:
    rig = built(tmp_path / "host")
    (rig.root / "etc/pve/storage.cfg").unlink()
    done = adopting.adopt(rig.proxmox, NODE)
    assert telling.status(done) == 2
    assert any(left.unread and left.what == "PVE's storages" for left in done.lefts)
    assert done.built.desired.containers == ()


def test_a_node_without_pve_says_so(tmp_path: Path) -> None:
    rig = built(tmp_path / "host")
    (rig.root / "etc/pve/local").unlink()
    done = adopting.adopt(rig.proxmox, NODE)
    assert telling.status(done) == 2
    assert {left.what for left in done.lefts if left.unread} >= {"containers", "PVE's storages"}
