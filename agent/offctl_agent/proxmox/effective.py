"""What a running container really shows at its mount points, in paths of the host. Pure.

The container's mount table says device and directory; the host's says where that directory is
found now. What a path of the host would show today proves nothing: a bind mount keeps what was
there when it was made.
"""

from collections.abc import Iterable, Mapping

from offctl_agent.host.mountinfo import Mount, MountTable

UNDER = "(the directory under what is mounted there now)"
DELETED = "//deleted"
MAX_MOUNTS = 1000

# What LXC, lxcfs and systemd mount for themselves; counted only where a mount point was asked for.
_OWN = frozenset(
    """
    autofs bpf binfmt_misc cgroup cgroup2 configfs debugfs devpts devtmpfs fuse.lxcfs fusectl
    hugetlbfs mqueue nsfs overlay proc pstore ramfs rpc_pipefs securityfs sysfs tmpfs tracefs
    """.split()
)


def mounts(
    inside: MountTable,
    host: MountTable,
    mountpoints: Mapping[str, str],
    asked: Iterable[str],
) -> tuple[tuple[str, str], ...]:
    """(target, source) of each visible mount that holds data, sorted by target.

    `mountpoints` maps datasets to where they belong on the host, mounted or not; `asked` are
    targets that count whatever is mounted on them.
    """
    wanted = frozenset(asked)
    found = {
        mount.target: source(mount, host, mountpoints)
        for mount in inside.mounts
        if mount.target != "/"
        and (mount.target in wanted or mount.fstype not in _OWN)
        and inside.visible(mount)
    }
    pairs = sorted((printable(target), text) for target, text in found.items())
    return tuple(pairs[:MAX_MOUNTS])


def source(mount: Mount, host: MountTable, mountpoints: Mapping[str, str]) -> str:
    """The directory of the host that a container's mount shows, in words where it has no path."""
    if mount.root.endswith(DELETED):
        return printable(f"{mount.root.removesuffix(DELETED)} of {mount.source} (it was removed)")
    places = [place for there in host.mounts if (place := _place(mount, there)) is not None]
    shown = [path for path, there in places if host.at(path) == there]
    if shown:
        return printable(min(shown, key=len))
    if mount.fstype == "zfs" and mount.source in mountpoints:
        return printable(_dataset(mount, host, mountpoints[mount.source]))
    if places:
        return printable(f"{min(path for path, _ in places)} {UNDER}")
    return printable(f"{mount.root} of {mount.fstype} {mount.source}")


def printable(text: str) -> str:
    """Bytes of a name that are no text, so that people and reports can have them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _dataset(mount: Mount, host: MountTable, mountpoint: str) -> str:
    """A directory of a dataset that nobody can see on the host now, or not at that path.

    The dataset itself counts: that the host has unmounted it takes nothing from the container.
    """
    path = _joined(mountpoint, mount.root)
    own = [m for m in host.mounts if (m.fstype, m.source) == ("zfs", mount.source)]
    return f"{path} {UNDER}" if any(host.visible(m) for m in own) else path


def _place(mount: Mount, there: Mount) -> tuple[str, Mount] | None:
    """Where a directory would be found by way of one mount of the host, and that mount."""
    if mount.device != there.device:
        return None
    base = there.root.rstrip("/")
    if mount.root != there.root and not mount.root.startswith(base + "/"):
        return None
    return _joined(there.target, mount.root[len(base) :]), there


def _joined(outer: str, inner: str) -> str:
    return (outer.rstrip("/") + "/" + inner.strip("/")).rstrip("/") or "/"
