"""What a real host must have for the agent to work on it: one function for each question."""

from collections.abc import Callable, Iterator
import json
import os
from pathlib import Path
import shutil

from offctl_agent import finding
from offctl_agent.finding import Finding
from offctl_agent.host import beneath, run
from offctl_agent.proxmox.pools import Pools
from offctl_agent.proxmox.zfs import Zfs

GENERATOR = Path("/usr/lib/systemd/system-generators/zfs-mount-generator")
CACHE = Path("/etc/zfs/zfs-list.cache")
CACHER = Path("/etc/zfs/zed.d/history_event-zfs-list-cacher.sh")
MODULE = Path("/sys/module/zfs/version")
CGROUPS = Path("/sys/fs/cgroup/cgroup.controllers")
PVE = Path("/etc/pve")


def privileges() -> Iterator[Finding]:
    """Everything here is root's."""
    if os.geteuid() == 0:
        yield finding.ok("root", "running as root")
    else:
        hint = "run it as root"
        yield finding.fails("root", "not running as root: what follows may be wrong", hint)


def kernel() -> Iterator[Finding]:
    """Opening directories safely."""
    release = os.uname().release
    if beneath.supported():
        yield finding.ok("kernel", f"{release}, openat2")
    else:
        text = f"{release}, no openat2: directories are opened step by step"
        yield finding.note("kernel", text)
    if CGROUPS.is_file():
        yield finding.ok("cgroups", "version 2")
    else:
        hint = "boot without systemd.unified_cgroup_hierarchy=0"
        text = "no version 2 hierarchy: what runs in containers cannot be told"
        yield finding.fails("cgroups", text, hint)


def programs() -> Iterator[Finding]:
    """Those that are started."""
    for name in ("pct", "zfs", "zpool"):
        found = shutil.which(name, path=run.PATH)
        if found:
            yield finding.ok("programs", found)
        else:
            text = f"there is no {name} in {run.PATH}"
            yield finding.fails("programs", text, "is this a Proxmox VE host with ZFS?")


def zfs() -> Iterator[Finding]:
    """The module, the library, and what the library really supports."""
    if MODULE.is_file():
        yield finding.ok("zfs module", f"kernel module {MODULE.read_text().strip()}")
    else:
        yield finding.fails("zfs module", "the kernel module is not loaded", "modprobe zfs")
    supported = Zfs().supported()
    for name, works in supported.items():
        if works:
            yield finding.ok("libzfs_core", name)
        else:
            hint = "the installed python3-pyzfs does not fit libzfs; upgrade both"
            yield finding.fails("libzfs_core", f"{name} is not supported", hint)


def pools() -> Iterator[Finding]:
    """Those that are imported."""
    looked = Pools()
    found = looked.all()
    if not found:
        yield finding.note("pools", "no pool is imported")
    for pool in found:
        if why := looked.unready(pool.name):
            yield finding.note("pools", why)
        else:
            yield finding.ok("pools", f"{pool.name}: imported and writable")


def mounting() -> Iterator[Finding]:
    """Who orders the mounts at boot."""
    names = [pool.name for pool in Pools().all()]
    if not GENERATOR.is_file() or not CACHE.is_dir():
        text = "zfs mount -a, by mountpoint: pools imported later are mounted later"
        yield finding.note("boot order", text, f"mkdir {CACHE}, and enable zfs-zed")
        return
    for name in names:
        file = CACHE / name
        if file.is_file() and file.stat().st_size:
            yield finding.ok("boot order", f"{name}: by systemd, from {file}")
        else:
            text = f"{name}: not by systemd, {file} is missing or empty"
            hint = f"touch {file}, then change any property in the pool with zfs-zed running"
            yield finding.note("boot order", text, hint)
    if names and not CACHER.exists():
        yield finding.note("boot order", f"{CACHER} is missing: the lists grow old")


def cluster() -> Iterator[Finding]:
    """/etc/pve is there, of this node, and can be written."""
    local = PVE / "local"
    if not local.is_symlink():
        text = f"{local} is missing: /etc/pve is not mounted"
        yield finding.fails("pve", text, "systemctl status pve-cluster")
        return
    yield finding.ok("pve", f"node {os.path.basename(os.readlink(local))}")  # noqa: PTH115, PTH119
    try:
        members = json.loads((PVE / ".members").read_bytes())
        quorate = int(members.get("cluster", {"quorate": 1}).get("quorate", 0))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        yield finding.note("quorum", f"cannot be told: {error}")
        return
    if quorate:
        yield finding.ok("quorum", "/etc/pve can be written")
    else:
        text = "none: /etc/pve is read-only, containers are not changed"
        yield finding.fails("quorum", text, "pvecm status")


ALL: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
    ("root", privileges),
    ("kernel", kernel),
    ("programs", programs),
    ("zfs", zfs),
    ("pools", pools),
    ("boot order", mounting),
    ("pve", cluster),
]
