"""What pct accepts as the value of each configuration key, and how it words a refusal (PVE 8).

Pure. The same table judges arguments (with limits) and the lines of a configuration file (without:
PVE does not check limits when it reads).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import re

from offctl_agent.host import pctformats

MISSING = "property is missing and it is not optional"
NOT_DEFINED = (
    "property is not defined in schema and the schema does not allow additional properties"
)
FORMAT_ERROR = "format error"

_BOOLEANS = {"1": "1", "on": "1", "yes": "1", "true": "1"} | {
    "0": "0",
    "off": "0",
    "no": "0",
    "false": "0",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One refusal: `path` is empty for the key itself, else the sub-key."""

    path: str
    reason: str
    is_format: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """What one value may be. `check` returns a complaint or nothing; `parts` a property string."""

    type: str = "string"
    least: float | None = None
    most: float | None = None
    words: tuple[str, ...] = ()
    shortest: int = 0
    longest: int = 0
    pattern: re.Pattern[str] | None = None
    check: Callable[[str], str] | None = None
    parts: Mapping[str, "Kind"] = field(default_factory=dict)
    bare: str = ""
    required: tuple[str, ...] = ()


def kind_of(key: str) -> Kind | None:
    """The kind of `key`; None for a key PVE does not know (mp256, net32, foo)."""
    if found := KEYS.get(key):
        return found
    match = re.fullmatch(r"([a-z]+)(0|[1-9]\d{0,2})", key)
    if match is None or match[1] not in NUMBERED:
        return None
    kind, count = NUMBERED[match[1]]
    return kind if int(match[2]) < count else None


def boolean(text: str) -> str | None:
    """`1` or `0` for the words PVE takes as a boolean, else None."""
    return _BOOLEANS.get(text.lower())


def judge(kind: Kind, text: str, *, limits: bool = True) -> list[Complaint]:
    """What PVE has against `text`; nothing when it is accepted."""
    if kind.parts:
        return _judge_parts(kind, text, limits=limits)
    return [Complaint("", *found) for found in _judge_value(kind, text, limits=limits)]


def split(kind: Kind, text: str) -> dict[str, str] | str:
    """The sub-keys of a property string, or PVE's words why it has none."""
    parts: dict[str, str] = {}
    for part in text.split(","):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if not equals:
            if not kind.bare:
                return "value without key, but schema does not define a default key"
            key, value = kind.bare, part
        if key in parts:
            return f"duplicate key in comma-separated list property: {key}"
        parts[key] = value
    return parts


def _judge_parts(kind: Kind, text: str, *, limits: bool) -> list[Complaint]:
    parts = split(kind, text)
    if isinstance(parts, str):
        return [Complaint("", parts, is_format=True)]
    found = [Complaint(key, NOT_DEFINED) for key in sorted(parts) if key not in kind.parts]
    found += [Complaint(key, MISSING) for key in kind.required if key not in parts]
    for key, value in parts.items():
        if key in kind.parts:
            problems = _judge_value(kind.parts[key], value, limits=limits)
            found += [Complaint(key, *problem) for problem in problems]
    return found


def _judge_value(kind: Kind, text: str, *, limits: bool) -> list[tuple[str, bool]]:
    if kind.type == "boolean":
        fine = boolean(text) is not None
        return [] if fine else [(f"type check ('boolean') failed - got '{text}'", False)]
    if kind.type in ("integer", "number"):
        return _judge_number(kind, text, limits=limits)
    if limits and len(text) < kind.shortest:
        return [(f"value must be at least {kind.shortest} characters long", False)]
    if limits and kind.longest and len(text) > kind.longest:
        return [(f"value may only be {kind.longest} characters long", False)]
    if kind.words and text not in kind.words:
        words = ", ".join(kind.words)
        return [(f"value '{text}' does not have a value in the enumeration '{words}'", False)]
    if kind.pattern and not kind.pattern.fullmatch(text):
        return [("value does not match the regex pattern", False)]
    if kind.check and (reason := kind.check(text)):
        return [(reason, True)]
    return []


def _judge_number(kind: Kind, text: str, *, limits: bool) -> list[tuple[str, bool]]:
    if limits:
        pattern = r"[+-]?\d+" if kind.type == "integer" else r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?"
    else:
        pattern = r"\d+" if kind.type == "integer" else r"\d+(\.\d+)?"
    if not re.fullmatch(pattern, text, re.ASCII):
        return [(f"type check ('{kind.type}') failed - got '{text}'", False)]
    if limits and kind.least is not None and float(text) < kind.least:
        return [(f"value must have a minimum value of {kind.least:g}", False)]
    if limits and kind.most is not None and float(text) > kind.most:
        return [(f"value must have a maximum value of {kind.most:g}", False)]
    return []


_BOOL = Kind("boolean")
_ANY = Kind()
_MOUNT = {
    "volume": Kind(check=pctformats.volume_or_path),
    "acl": _BOOL,
    "mountoptions": Kind(
        pattern=re.compile(
            r"(?:discard|lazytime|noatime|nodev|noexec|nosuid)"
            r"(?:;(?:discard|lazytime|noatime|nodev|noexec|nosuid))*"
        )
    ),
    "quota": _BOOL,
    "replicate": _BOOL,
    "ro": _BOOL,
    "shared": _BOOL,
    "size": Kind(check=pctformats.disk_size),
}
ROOTFS = Kind(parts=_MOUNT, bare="volume", required=("volume",))
MOUNT_POINT = Kind(
    parts=_MOUNT | {"backup": _BOOL, "mp": Kind(check=pctformats.mount_path)},
    bare="volume",
    required=("mp", "volume"),
)
NETWORK = Kind(
    parts={
        "bridge": Kind(pattern=re.compile(r"[-_.\w\d]+", re.ASCII)),
        "firewall": _BOOL,
        "gw": Kind(check=pctformats.ipv4),
        "gw6": Kind(check=pctformats.ipv6),
        "hwaddr": Kind(check=pctformats.unicast_mac),
        "ip": Kind(check=pctformats.ipv4_configuration),
        "ip6": Kind(check=pctformats.ipv6_configuration),
        "link_down": _BOOL,
        "mtu": Kind("integer", 64, 65535),
        "name": Kind(pattern=re.compile(r"[-_.\w\d]+", re.ASCII)),
        "rate": Kind("number"),
        "tag": Kind("integer", 1, 4094),
        "trunks": Kind(pattern=re.compile(r"\d+(?:;\d+)*", re.ASCII)),
        "type": Kind(words=("veth",)),
    },
    required=("name",),
)
_FEATURES = Kind(
    parts={
        "force_rw_sys": _BOOL,
        "fuse": _BOOL,
        "keyctl": _BOOL,
        "mknod": _BOOL,
        "mount": Kind(pattern=re.compile(r"[a-zA-Z0-9_; ]+")),
        "nesting": _BOOL,
    },
)
_DEVICE = Kind(
    parts={
        "deny-write": _BOOL,
        "gid": Kind("integer", 0),
        "mode": Kind(pattern=re.compile(r"0[0-7]{3}")),
        "path": Kind(check=pctformats.device_path),
        "uid": Kind("integer", 0),
    },
    bare="path",
)

NUMBERED: Mapping[str, tuple[Kind, int]] = {
    "mp": (MOUNT_POINT, 256),
    "net": (NETWORK, 32),
    "dev": (_DEVICE, 256),
    "unused": (_ANY, 256),
}
KEYS: Mapping[str, Kind] = {
    "arch": Kind(words=("amd64", "i386", "arm64", "armhf", "riscv32", "riscv64")),
    "cmode": Kind(words=("shell", "console", "tty")),
    "console": _BOOL,
    "cores": Kind("integer", 1, 8192),
    "cpulimit": Kind("number", 0, 8192),
    "cpuunits": Kind("integer", 0, 500000),
    "debug": _BOOL,
    "description": Kind(longest=8192),
    "features": _FEATURES,
    "hookscript": Kind(check=pctformats.volume_id),
    "hostname": Kind(check=pctformats.dns_name, longest=255),
    "lock": Kind(
        words=(
            *("backup", "create", "destroyed", "disk", "fstrim", "migrate", "mounted"),
            *("rollback", "snapshot", "snapshot-delete"),
        )
    ),
    "memory": Kind("integer", 16),
    "nameserver": Kind(check=pctformats.address_list),
    "onboot": _BOOL,
    "ostype": Kind(
        words=(
            *("debian", "devuan", "ubuntu", "centos", "fedora", "opensuse", "archlinux"),
            *("alpine", "gentoo", "nixos", "unmanaged"),
        )
    ),
    "parent": _ANY,
    "protection": _BOOL,
    "rootfs": ROOTFS,
    "searchdomain": Kind(check=pctformats.dns_name_list),
    "snaptime": Kind("integer", 0),
    "startup": Kind(check=pctformats.startup),
    "swap": Kind("integer", 0),
    "tags": Kind(check=pctformats.tag_list),
    "template": _BOOL,
    "timezone": Kind(check=pctformats.timezone),
    "tty": Kind("integer", 0, 6),
    "unprivileged": _BOOL,
}
