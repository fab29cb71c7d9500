"""The files of a kernel for a simulated host: /proc and control groups, in their real formats.

    kernel = Kernel(machine, root)
    kernel.render()        # after whatever has changed the simulated host

What runs, what is mounted where, and which ids are mapped is the simulated host's; the files are
what Linux and LXC under PVE would show of that.
"""

from pathlib import Path
import shutil

from offctl_agent.host.mountinfo import Mount, MountTable
from offctl_agent.simulated import pve, running
from offctl_agent.simulated.machine import Machine

FIRST_PID = 5000
ROOT = Mount(1, 0, (8, 1), "/", "/", ("rw",), "ext4", "/dev/sda1")
# What LXC mounts in every container before and beside what was asked for.
USUAL = (
    ("/proc", "proc", "proc"),
    ("/proc/sys", "proc", "proc"),
    ("/sys", "sysfs", "sysfs"),
    ("/dev", "tmpfs", "none"),
    ("/dev/pts", "devpts", "devpts"),
    ("/sys/fs/cgroup", "cgroup2", "none"),
    ("/proc/cpuinfo", "fuse.lxcfs", "lxcfs"),
)


class Kernel:
    """Renders the files below `root`; `services` names those that run in every container."""

    def __init__(self, machine: Machine, root: Path, services: tuple[str, ...] = ()) -> None:
        self._machine = machine
        self._root = root
        self._services = services

    def render(self) -> None:
        """Replace /proc, the control groups and .vmlist by what is so now."""
        for name in ("proc", "sys"):
            shutil.rmtree(self._root / name, ignore_errors=True)
        host = self._host_mounts()
        self._write("proc/1/mountinfo", text(host))
        lines = ["Num       RefCount Protocol Flags    Type St Inode Path"]
        for number in running.numbers(self._machine):
            state = running.load(self._machine, number)
            assert state is not None
            self._container(number, state)
            # Nobody answers on a client's end of the same name.
            lines += [
                f"0000000000000000: 00000002 00000000 {flags} 0001 01 {number} "
                f"@/var/lib/lxc/{number}/command"
                for flags in ("00010000", "00000000")
            ]
        self._write("proc/net/unix", "\n".join(lines) + "\n")
        pve.Pve(self._machine).save_vmlist()

    def _container(self, number: int, state: running.Running) -> None:
        pid = FIRST_PID + number
        self._write(f"proc/{pid}/status", f"Name:\tsystemd\nPid:\t{pid}\nNSpid:\t{pid}\t1\n")
        self._write(f"proc/{pid}/mountinfo", text(self._inside(state)))
        for kind, name in (("u", "uid_map"), ("g", "gid_map")):
            rows = [line.split()[1:] for line in state.idmap if line.split()[0] == kind]
            rows = rows or [["0", "0", "4294967295"]]
            content = "".join("".join(f"{word:>11}" for word in row) + "\n" for row in rows)
            self._write(f"proc/{pid}/{name}", content)
        base = f"sys/fs/cgroup/lxc/{number}"
        groups = {"": "", "/ns": "", "/ns/init.scope": f"{pid}\n", "/ns/system.slice": ""}
        for service in self._services:
            groups[f"/ns/system.slice/{service}"] = f"{pid + 1000}\n"
        for group, pids in groups.items():
            self._write(f"{base}{group}/cgroup.procs", pids)
            self._write(f"{base}{group}/cgroup.events", "populated 1\nfrozen 0\n")

    def _host_mounts(self) -> MountTable:
        table = [ROOT]
        for mount in self._machine.mounts().mounts:
            name = self._machine.dataset_name(mount.guid) or "gone"
            device = (0, _minor(mount.guid))
            parent = mount.parent + 10 if mount.parent else 1
            table.append(
                Mount(mount.number + 10, parent, device, "/", mount.path, ("rw",), "zfs", name)
            )
        return MountTable(tuple(table))

    def _inside(self, state: running.Running) -> MountTable:
        table = [Mount(1000, 999, (0, 9), "/", "/", ("rw",), "zfs", "tank/pve/subvol")]
        wanted = [("/".join(("", *t.strip("/").split("/"))), fs, s) for t, fs, s in USUAL]
        for index, (target, fstype, source) in enumerate(wanted):
            table.append(
                Mount(
                    1100 + index,
                    _on(table, target),
                    (0, 20 + index),
                    "/",
                    target,
                    (),
                    fstype,
                    source,
                )
            )
        for index, bound in enumerate(state.mounts):
            number, parent = 1200 + index, _on(table, bound.target)
            if bound.volume:
                device, root, fstype, source = (0, 40 + index), "/", "zfs", bound.volume
            elif bound.guid:
                source = self._machine.dataset_name(bound.guid) or "gone"
                device, root, fstype = (0, _minor(bound.guid)), f"/{bound.path}", "zfs"
            else:
                device, root, fstype, source = (8, 1), f"/{bound.path}", "ext4", "/dev/sda1"
            table.append(Mount(number, parent, device, root, bound.target, (), fstype, source))
        return MountTable(tuple(table))

    def _write(self, name: str, content: str) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def text(table: MountTable) -> str:
    """A mount table as the kernel prints it."""
    return "".join(
        f"{m.id} {m.parent} {m.device[0]}:{m.device[1]} {_escaped(m.root)} {_escaped(m.target)} "
        f"rw,relatime shared:{m.id} - {m.fstype} {_escaped(m.source)} rw\n"
        for m in table.mounts
    )


def _on(table: list[Mount], target: str) -> int:
    found = MountTable(tuple(table)).at(target)
    assert found is not None
    return found.id


def _minor(guid: str) -> int:
    return 1000 + int(guid, 16) % (1 << 19)


def _escaped(name: str) -> str:
    return "".join(f"\\{ord(c):03o}" if c in " \t\n\\#" else c for c in name)
