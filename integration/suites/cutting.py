"""A host whose power is cut: the pool and everything that must last are on disks that forget.

It starts in one of two ways. Cold, it boots from its disks like any machine. Warm, a kernel that
had booted before is restored from a saved state, knowing nothing of those disks, and is given them:
a few seconds instead of a minute, so that many cuts fit into an hour. What was flushed is all there
is in both; only a cold start proves that units and their order find it, on a root disk that was cut
itself.
"""

from pathlib import Path
import random

from integration.rig.fleet import fresh
from integration.rig.lossy import Disk, Lossy, Lost
from integration.rig.machine import Machine
from integration.rig.process import run

SYSTEM = "/srv/system"
# What lasts on a host and is no pool: PVE's files, ours, and the containers' as LXC has them.
LASTING = ("/etc/pve", "/etc/offctl", "/var/lib/offctl", "/var/lib/lxc")
FSTAB = f"LABEL=system {SYSTEM} ext4 defaults 0 2\n" + "".join(
    f"{SYSTEM}{path} {path} none bind,x-systemd.requires={SYSTEM} 0 0\n" for path in LASTING
)
# What a boot reaches when all of it is in its place, datasets too.
MOUNTED = "local-fs.target"
# A boot of a guest beside which many other programs want the processor.
PATIENCE = 900.0
SERVICES = ("pve-guests", "offctl-agent")
# In the guest, before anything of ours is made: these directories move to a disk of their own.
MOVE = f"""
mkfs.ext4 -q -L system /dev/vdc
mkdir -p {SYSTEM}
mount /dev/vdc {SYSTEM}
for path in {" ".join(LASTING)}; do
    mkdir -p {SYSTEM}$path $path
    cp -a $path/. {SYSTEM}$path/
    mount --bind {SYSTEM}$path $path
done
cat >> /etc/fstab <<END
{FSTAB}END
"""
# What draws by lot in ZFS is seeded when these are loaded. A restored kernel would draw the same at
# every start, give new logs of intent the names of old ones, and after a cut read on in what an old
# one left on the disk: it frees what is in use. No kernel that boots does that.
MODULES = "zfs zcommon znvpair spl"
# Until nothing in memory is about those disks.
LEAVE = f"""
systemctl stop {" ".join(reversed(SERVICES))}
for number in $(pct list | awk 'NR > 1 {{ print $1 }}'); do pct stop $number || true; done
cp /etc/zfs/zpool.cache /root/zpool.cache
zpool export tank
cp /root/zpool.cache /etc/zfs/zpool.cache
umount {" ".join(LASTING)} {SYSTEM}
modprobe -r {MODULES}
sync
blockdev --flushbufs /dev/vdb /dev/vdc
echo 3 > /proc/sys/vm/drop_caches
"""
# What a boot does with them.
TAKE = f"""
modprobe zfs
blockdev --flushbufs /dev/vdb /dev/vdc
fsck.ext4 -p /dev/vdc || test $? -eq 1
mount {SYSTEM}
for path in {" ".join(LASTING)}; do mount $path; done
zpool import -c /etc/zfs/zpool.cache -a
zfs mount -a
systemctl start --no-block {" ".join(SERVICES)}
"""


class Powered:
    """The host, its disks, and its switch."""

    def __init__(self, machine: Machine, directory: Path, boot: Path) -> None:
        """`machine` is left with its power off, and begins again when asked to."""
        machine.sh(LEAVE, timeout=900)
        self._state = directory / "state"
        machine.save(self._state)
        root, *data = machine.disks
        self._root = root
        self._home = directory / machine.name
        self._lossy = tuple(
            Disk.of_image(disk, directory / f"{disk.stem}.sock") for disk in data[:2]
        )
        self._lossy_root = Disk.of_image(root, directory / "root.sock")
        self._spare = data[2]
        self._warm_root = directory / "warm.qcow2"
        self._hardware = Lossy()
        self._boot = boot
        self._name = machine.name
        self.machine = machine
        self.cold = False

    def start(self, *, cold: bool, wait: bool = True) -> None:
        """Give it power; with `wait` it answers when this returns."""
        self.cold = cold
        root = self._lossy_root.path if cold else self._fresh_root()
        disks = (root, *(disk.path for disk in self._lossy), self._spare)
        self.machine = Machine(self._name, self._home, self._hardware, self._boot, disks)
        self.machine.power_on(None if cold else self._state)
        if cold:
            if wait:
                self.machine.wait_ready(timeout=PATIENCE)
                self.machine.until("its disks", self._booted, timeout=PATIENCE)
            return
        self.machine.wait_ready()
        self.machine.control.call("refresh", **fresh())
        # To be interrupted by a cut it must not be waited for.
        self.machine.run("systemd-run", "-q", "--unit=take", "sh", "-euxc", TAKE)
        if wait:
            self.machine.until("its disks", self._taken, timeout=PATIENCE)

    def cut(self, chance: random.Random) -> Lost:
        """Take its power away, and what it had not flushed."""
        self.machine.kill()
        disks = [*self._lossy, *([self._lossy_root] if self.cold else [])]
        lost = [disk.cut(chance) for disk in disks]
        return Lost(sum(one.unflushed for one in lost), sum(one.lost for one in lost))

    @property
    def pool_disk(self) -> Disk:
        """The one the pool is on."""
        return self._lossy[0]

    def close(self) -> None:
        """The end of it."""
        self.machine.kill()
        for disk in (*self._lossy, self._lossy_root):
            disk.close()

    def _taken(self) -> bool:
        done = self.machine.run("systemctl", "show", "--value", "-p", "SubState", "take")
        state = done.stdout.strip()
        if state == "failed":
            raise AssertionError(self.machine.out("journalctl", "-b", "-u", "take", "-o", "cat"))
        return state in ("dead", "exited")

    def _booted(self) -> bool:
        return self.machine.run("systemctl", "is-active", MOUNTED, check=False).code == 0

    def _fresh_root(self) -> Path:
        self._warm_root.unlink(missing_ok=True)
        run(
            *("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2"),
            *("-b", self._root, self._warm_root),
        )
        return self._warm_root
