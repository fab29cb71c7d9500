"""Which is mounted before which when a host boots, where systemd decides (zfs-mount-generator)."""

from pathlib import Path

from integration.rig.fleet import Fleet
from integration.suites.example import Example

SITE = Path(__file__).parent / "order"
POOLS = {"alpha": "vdb", "omega": "vdc"}
FILE = "/omega/off/inner/precious"
# What zfs-zed, which guests do not have, keeps of every pool; the columns are those of its script.
CACHE = """
set -e; mkdir -p /etc/zfs/zfs-list.cache
o=org.openzfs.systemd
for pool in alpha omega; do
  zfs list -H -t filesystem -r -o name,mountpoint,canmount,atime,relatime,devices,exec,readonly,\
setuid,nbmand,encroot,keylocation,$o:requires,$o:requires-mounts-for,$o:before,$o:after,\
$o:wanted-by,$o:required-by,$o:nofail,$o:ignore $pool >/etc/zfs/zfs-list.cache/$pool
done
"""
UNIT = "omega-off-inner.mount"


def test_what_appears_in_another_pool_is_mounted_after_it(fleet: Fleet, tmp_path: Path) -> None:
    (machine,) = fleet.add("off2")
    desk = tmp_path / "desk"
    desk.mkdir()
    off2 = Example(machine, desk, written=SITE, pools=POOLS, storages={"local-zfs": "omega/pve"})
    off2.prepare()
    off2.deliver()
    assert off2.unsettled(off2.apply()) == []
    machine.run("touch", FILE)
    machine.run("bash", "-c", CACHE)
    machine.run("sync")
    machine.power_cycle()
    # By its unit and no other, and after the outer one.
    words = ("systemctl", "show", "--value", "-p", "RequiresMountsFor", UNIT)
    assert "/omega/off" in machine.out(*words).split()
    assert machine.out("systemctl", "is-active", UNIT, "omega-off.mount") == "active\nactive"
    order = [line.split()[4] for line in machine.text("/proc/self/mountinfo").splitlines()]
    assert order.index("/omega/off") < order.index("/omega/off/inner")
    machine.run("test", "-e", FILE)
    before = off2.apply()
    assert off2.unsettled(before) == []
    assert off2.apply()["events"] == before["events"]
