"""Which lxc.* keys PVE keeps in a container's configuration file, and which it drops (PVE 8)."""

from collections.abc import Mapping
import enum

GENERATED: Mapping[str, str] = {
    "lxc.rootfs.path": "lxc.rootfs.path is auto generated from rootfs",
    "lxc.rootfs.options": "lxc.rootfs.options is not supported, use the options of rootfs",
}
RENAMED: Mapping[str, str] = {
    "lxc.aa_allow_incomplete": "lxc.apparmor.allow_incomplete",
    "lxc.aa_profile": "lxc.apparmor.profile",
    "lxc.console": "lxc.console.path",
    "lxc.id_map": "lxc.idmap",
    "lxc.init_cmd": "lxc.init.cmd",
    "lxc.kmsg": "lxc.kmsg",
    "lxc.limit": "lxc.prlimit",
    "lxc.mount": "lxc.mount.fstab",
    "lxc.network": "lxc.net",
    "lxc.pts": "lxc.pty.max",
    "lxc.se_context": "lxc.selinux.context",
    "lxc.seccomp": "lxc.seccomp.profile",
    "lxc.tty": "lxc.tty.max",
    "lxc.utsname": "lxc.uts.name",
}
_KEPT = frozenset(
    """
    lxc.apparmor.profile lxc.apparmor.allow_incomplete lxc.apparmor.allow_nesting lxc.apparmor.raw
    lxc.autodev lxc.cap.drop lxc.cap.keep lxc.console.logfile lxc.console.path lxc.devttydir
    lxc.environment lxc.ephemeral lxc.group lxc.haltsignal lxc.hook lxc.hook.autodev lxc.hook.clone
    lxc.hook.destroy lxc.hook.mount lxc.hook.post-stop lxc.hook.pre-mount lxc.hook.pre-start
    lxc.hook.start lxc.hook.start-host lxc.hook.stop lxc.hook.version lxc.idmap lxc.include
    lxc.init.cmd lxc.init.cwd lxc.init.gid lxc.init.uid lxc.log.file lxc.log.level lxc.log.syslog
    lxc.monitor.signal.pdeath lxc.monitor.unshare lxc.mount.auto lxc.mount.entry lxc.mount.fstab
    lxc.namespace.clone lxc.namespace.keep lxc.no_new_privs lxc.proc lxc.pty.max lxc.rebootsignal
    lxc.rootfs.managed lxc.seccomp.allow_nesting lxc.seccomp.notify.cookie
    lxc.seccomp.notify.proxy lxc.seccomp.profile lxc.selinux.context lxc.selinux.context.keyring
    lxc.signal.halt lxc.signal.reboot lxc.signal.stop lxc.start.auto lxc.start.delay
    lxc.start.order lxc.stopsignal lxc.sysctl.fs.mqueue lxc.sysctl.kernel.msgmax
    lxc.sysctl.kernel.sem lxc.sysctl.kernel.shmall lxc.sysctl.kernel.shmmax lxc.tty.dir lxc.tty.max
    """.split()
)
_PREFIXES = ("lxc.cgroup.", "lxc.cgroup2.", "lxc.net.", "lxc.prlimit.", "lxc.sysctl.net.")


class Verdict(enum.Enum):
    """What PVE does with a raw line."""

    KEPT = "kept"
    RENAMED = "kept, with a warning"
    GENERATED = "dropped: PVE writes it itself"
    UNKNOWN = "dropped"


def judge(key: str) -> Verdict:
    """What becomes of a line with this key at PVE's next write."""
    if key in GENERATED:
        return Verdict.GENERATED
    if key in RENAMED:
        return Verdict.RENAMED
    if key in _KEPT or key.startswith(_PREFIXES):
        return Verdict.KEPT
    return Verdict.UNKNOWN
