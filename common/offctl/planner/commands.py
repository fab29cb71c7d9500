"""Actions as the commands an operator would type: what a plan prints and what pct is given.

Pure. Every value is an argument of its own, after its option; no shell ever sees it.
"""

from offctl.desired import properties, tunnelplaces
from offctl.desired.model import Access
from offctl.planner import actions as act

Command = tuple[str, ...]

# Seconds for what runs inside to end. `pct reboot` kills after its own 60; a database needs longer.
PATIENCE = "300"

_LIMITS = frozenset(
    "filesystem_limit quota refquota refreservation reservation snapshot_limit".split()
)
# `zfs set` mounts again only when the last of its properties is one of these, and without that what
# `zfs mount` gave explicitly goes on.
_MOUNT_OPTIONS = frozenset("atime devices exec nbmand readonly relatime setuid xattr".split())


def commands(action: act.Action) -> tuple[Command, ...]:
    """The pct and zfs calls of one action, in order; empty for what needs no command."""
    match action:
        case act.CreateDataset():
            options = tuple(part for k, v in action.properties for part in ("-o", _setting(k, v)))
            return (("zfs", "create", *options, action.name),)
        case act.SetProperties():
            ordered = sorted(action.properties, key=lambda pair: pair[0] in _MOUNT_OPTIONS)
            settings = tuple(_setting(key, value) for key, value in ordered)
            return (("zfs", "set", *settings, action.name),)
        case act.InheritProperties():
            return tuple(_inherit(key, action.name) for key in action.properties)
        case act.MountDataset():
            return (("zfs", "mount", action.name),)
        case act.CreateContainer():
            return (_create(action),)
        case act.SetContainer():
            return _set(action)
        case act.StartContainer():
            return (("pct", "start", str(action.id)),)
        case act.RestartContainer():
            return (("pct", "reboot", str(action.id), "--timeout", PATIENCE),)
        case act.ShutDownContainer():
            return (("pct", "shutdown", str(action.id), "--timeout", PATIENCE),)
        case _:
            return ()


def shown(action: act.Action) -> tuple[str, ...]:
    """One line for each thing that will happen, for people."""
    match action:
        case act.MakeDirectory():
            return (f"mkdir {_below(action.mountpoint, action.path)}{_access(action.access)}",)
        case act.SetAccess():
            return (
                f"chown/chmod {_below(action.mountpoint, action.path)}{_access(action.access)}",
            )
        case act.GrantSubids():
            return tuple(
                f"edit /etc/sub{'uid' if r.kind == 'u' else 'gid'}: + root:{r.start}:{r.count}"
                for r in action.ranges
            )
        case act.SetIdmap():
            lines = ", ".join(f"{r.kind} {r.inside} {r.outside} {r.count}" for r in action.ranges)
            return (f"edit /etc/pve/lxc/{action.id}.conf: lxc.idmap = {lines or 'none'}",)
        case act.MakeTunnelDirectory():
            return (f"mkdir {tunnelplaces.of_container(action.container)}/{action.instance}",)
        case act.RenewTunnels():
            return _renewal(action)
        case _:
            return tuple(" ".join(quoted(word) for word in c) for c in commands(action))


def _renewal(action: act.RenewTunnels) -> tuple[str, ...]:
    """What is written where, and how stunnel comes to read it; keys are never shown."""
    directory = f"{tunnelplaces.of_container(action.container)}/{action.instance}"
    where = f"pct exec {action.container} -- " if action.container else ""
    return (
        f"write {directory}: {action.instance}.conf, its unit and one key file a section",
        f"{where}systemctl start or reload stunnel@{action.instance}.service, if it differs",
    )


def quoted(word: str) -> str:
    """`word` as a shell would need it, for display only."""
    if word and all(c.isalnum() or c in "@%_-+=:,./" for c in word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def _create(action: act.CreateContainer) -> Command:
    return (
        "pct",
        "create",
        str(action.id),
        action.template,
        "--rootfs",
        action.rootfs,
        "--unprivileged",
        "1" if action.unprivileged else "0",
        *_options(action.options),
    )


def _setting(key: str, value: str) -> str:
    """`zfs set` refuses a quota of 0 and wants the word for it."""
    full = properties.ALIASES.get(key, key)
    none = full in properties.ZERO_IS_DEFAULT and properties.equal(full, value, "none")
    return f"{key}={'none' if none else value}"


def _inherit(key: str, name: str) -> Command:
    """`zfs inherit` refuses limits; no limit at all is where they come from."""
    if key in _LIMITS:
        return ("zfs", "set", f"{key}=none", name)
    return ("zfs", "inherit", key, name)


def _set(action: act.SetContainer) -> tuple[Command, ...]:
    start = ("pct", "set", str(action.id))
    call = (
        *start,
        *_options(action.options),
        *(("--delete", ",".join(action.delete)) if action.delete else ()),
        *(("--revert", ",".join(action.revert)) if action.revert else ()),
    )
    if action.protected:
        return ((*start, "--protection", "0"), call, (*start, "--protection", "1"))
    return (call,)


def _options(options: tuple[tuple[str, str], ...]) -> Command:
    return tuple(part for key, value in options for part in (f"--{key}", value))


def _below(mountpoint: str, path: str) -> str:
    return f"{mountpoint}/{path}" if path else mountpoint


def _access(access: Access) -> str:
    owner = ""
    if access.uid is not None or access.gid is not None:
        owner = f" {_id(access.uid)}:{_id(access.gid)}"
    return owner + ("" if access.mode is None else f" {access.mode:04o}")


def _id(value: int | None) -> str:
    return "" if value is None else str(value)
