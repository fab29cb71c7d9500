"""A guest is what a host must be: ZFS, containers, tunnels; and the rig keeps its own promises."""

from integration.rig.fleet import Fleet

CONTAINER = """
zpool create tank vdb
zfs create tank/data
echo data > /tank/data/file
root=/tank/rootfs
zfs create tank/rootfs
mkdir -p $root/bin $root/proc $root/sys $root/dev $root/etc $root/mnt/data $root/sbin
cp /bin/busybox $root/bin/
for name in sh cat sleep init poweroff id; do ln -s busybox $root/bin/$name; done
ln -s /bin/busybox $root/sbin/init
echo "::sysinit:/bin/true" > $root/etc/inittab
chown -R 100000:100000 $root /tank/data
usermod --add-subuids 100000-165535 --add-subgids 100000-165535 root
mkdir -p /var/lib/lxc/100
cat > /var/lib/lxc/100/config <<END
lxc.uts.name = ct
lxc.rootfs.path = dir:$root
lxc.idmap = u 0 100000 65536
lxc.idmap = g 0 100000 65536
lxc.net.0.type = empty
lxc.apparmor.profile = unconfined
lxc.mount.entry = /tank/data mnt/data none bind,create=dir 0 0
END
lxc-start -n 100
lxc-wait -n 100 -s RUNNING -t 30
"""

PYZFS = """
import libzfs_core as lzc
lzc.lzc_create(b"tank/made")
print(lzc.lzc_exists(b"tank/made"))
"""


def test_datasets_and_containers_are_real(bare_fleet: Fleet) -> None:
    (host,) = bare_fleet.add("host")
    host.sh(CONTAINER)
    assert host.out("lxc-attach", "-n", "100", "--", "cat", "/mnt/data/file") == "data"
    assert host.out("lxc-attach", "-n", "100", "--", "id", "-u") == "0"
    host.sh("lxc-attach -n 100 -- sh -c 'echo more > /mnt/data/file'")
    assert host.out("cat", "/tank/data/file") == "more"
    assert host.out("python3", "-c", PYZFS) == "True"


def test_data_and_pool_are_there_again_after_the_power_went(bare_fleet: Fleet) -> None:
    (host,) = bare_fleet.add("host")
    host.sh("zpool create tank vdb; zfs create tank/data; echo data > /tank/data/file; sync")
    address, machine_id = host.out("hostname"), host.text("/etc/machine-id")
    host.power_cycle()
    assert host.text("/tank/data/file") == "data\n"
    assert host.out("hostname") == address
    assert host.text("/etc/machine-id") == machine_id
    host.reboot()
    assert host.text("/tank/data/file") == "data\n"


def test_siblings_are_strangers_on_one_network(bare_fleet: Fleet) -> None:
    one, other = bare_fleet.add("one", "other")
    for command in (
        "cat /proc/sys/kernel/random/uuid",
        "cat /etc/machine-id",
        "hostid",
        "cat /sys/class/net/eth0/address",
        "hostname",
        "head -c 512 /var/lib/systemd/random-seed | sha256sum",
    ):
        assert one.out("sh", "-c", command) != other.out("sh", "-c", command), command

    def reaches(name: str) -> bool:
        return one.run("ping", "-c1", "-W3", name, check=False).code == 0

    assert reaches("other")
    bare_fleet.hub.cut("one", "other")
    assert not reaches("other")
    bare_fleet.hub.join("one")
    assert reaches("other")


def test_nothing_outside_is_reachable(bare_fleet: Fleet) -> None:
    (host,) = bare_fleet.add("host")
    # This machine as QEMU's own network shows it, a resolver, and the world.
    for target in ("10.0.2.2", "10.0.2.3", "192.168.77.1", "1.1.1.1"):
        for port in ("22", "53", "80"):
            assert host.run("nc", "-w2", "-z", target, port, check=False).code != 0, target
    assert host.run("ip", "route", "get", "1.1.1.1", check=False).code != 0
