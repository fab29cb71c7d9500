"""How PVE rewrites the values it is given before it stores them. Pure."""

from collections.abc import Callable, Mapping
import re

from offctl import propertystring
from offctl_agent.host import pctformats, pctschema

MAC_PREFIX = "BC:24:11"

# A storage and a size in GiB: PVE allocates a new volume for it.
ALLOCATION = re.compile(r"([A-Za-z][A-Za-z0-9._-]*):(\d+(?:\.\d+)?)")


def stored(key: str, value: str) -> str:
    """The value as it goes to [pve:pending] or the file: lists joined PVE's way."""
    if key in ("nameserver", "searchdomain"):
        return " ".join(pctformats.words(value))
    if key == "tags":
        return ";".join(sorted({tag.lower() for tag in pctformats.words(value)}))
    return value


def mount_parts(value: str) -> dict[str, str] | None:
    """The sub-keys of an mpN line; None when PVE itself cannot parse it."""
    if pctschema.judge(pctschema.MOUNT_POINT, value, limits=False):
        return None
    parts = pctschema.split(pctschema.MOUNT_POINT, value)
    return parts if isinstance(parts, dict) else None


def mount(value: str) -> str:
    """An mpN value as PVE writes it when it applies it."""
    parts = pctschema.split(pctschema.MOUNT_POINT, value)
    if not isinstance(parts, dict):
        return value
    return propertystring.join(_plain(parts, pctschema.MOUNT_POINT), bare="volume", first=("mp",))


def network(value: str, random: Callable[[int], bytes]) -> str:
    """A netN value as PVE writes it: an interface without address gets a new random one."""
    parts = pctschema.split(pctschema.NETWORK, value)
    if not isinstance(parts, dict):
        return value
    parts = _plain(parts, pctschema.NETWORK)
    parts.setdefault("type", "veth")
    if "hwaddr" not in parts:
        parts["hwaddr"] = ":".join((MAC_PREFIX, *(f"{byte:02X}" for byte in random(3))))
    return propertystring.join(parts, first=("name",))


def mount_keys(options: Mapping[str, str]) -> list[str]:
    """The mpN keys in the order PVE mounts them: by number, never by path."""
    found = [key for key in options if re.fullmatch(r"mp\d+", key) and pctschema.kind_of(key)]
    return sorted(found, key=lambda key: int(key[2:]))


def networks(options: Mapping[str, str]) -> list[tuple[int, dict[str, str]]]:
    """The netN that PVE can parse, by number, with their sub-keys."""
    found = []
    for key, value in options.items():
        if not re.fullmatch(r"net\d+", key) or pctschema.kind_of(key) is None:
            continue
        parts = pctschema.split(pctschema.NETWORK, value)
        if isinstance(parts, dict) and not pctschema.judge(pctschema.NETWORK, value, limits=False):
            found.append((int(key[3:]), parts))
    return sorted(found, key=lambda pair: pair[0])


def classify(volume: str) -> str:
    """What a mount point shows: "device", "bind" or "volume"."""
    if volume.startswith("/dev/"):
        return "device"
    return "bind" if volume.startswith("/") else "volume"


def _plain(parts: dict[str, str], kind: pctschema.Kind) -> dict[str, str]:
    return {
        key: (pctschema.boolean(value) or value) if kind.parts[key].type == "boolean" else value
        for key, value in parts.items()
    }
