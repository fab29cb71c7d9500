"""What `zfs get -p` says of a dataset: values and sources, by ZFS's rules of inheritance."""

import re

from offctl import errors
from offctl.desired import properties
from offctl.observed import Property
from offctl_agent.simulated.pools import Dataset, Pool, parent_of
from offctl_agent.simulated.result import CommandError

_NO_LIMIT = str(2**64 - 1)
_USER = re.compile(r"[a-z0-9_.-]*:[a-z0-9:_.-]+")
READ_ONLY = frozenset("available creation guid mounted origin referenced type used".split())

DEFAULTS = {
    "aclinherit": "restricted",
    "aclmode": "discard",
    "acltype": "off",
    "atime": "on",
    "canmount": "on",
    "casesensitivity": "sensitive",
    "checksum": "on",
    "compression": "off",
    "copies": "1",
    "dedup": "off",
    "devices": "on",
    "dnodesize": "legacy",
    "exec": "on",
    "filesystem_limit": _NO_LIMIT,
    "logbias": "latency",
    "nbmand": "off",
    "normalization": "none",
    "overlay": "on",
    "primarycache": "all",
    "quota": "0",
    "readonly": "off",
    "recordsize": "131072",
    "redundant_metadata": "all",
    "refquota": "0",
    "refreservation": "0",
    "relatime": "off",
    "reservation": "0",
    "secondarycache": "all",
    "setuid": "on",
    "sharenfs": "off",
    "sharesmb": "off",
    "snapdir": "hidden",
    "snapshot_limit": _NO_LIMIT,
    "special_small_blocks": "0",
    "sync": "standard",
    "utf8only": "off",
    "vscan": "off",
    "xattr": "on",
    "zoned": "off",
}
ZERO_IS_DEFAULT = properties.ZERO_IS_DEFAULT
NOT_INHERITABLE = (
    ZERO_IS_DEFAULT | {"canmount", "filesystem_limit", "snapshot_limit"} | properties.CREATION_ONLY
)


def is_user(name: str) -> bool:
    """Whether a name is a user property (they have a colon, and any value)."""
    return _USER.fullmatch(name) is not None


def checked(name: str, value: str, *, act: str) -> tuple[str, str]:
    """The property's full name and its value as `zfs get -p` will print it.

    Raises CommandError in ZFS's words; `act` is the beginning of its sentence.
    """
    if is_user(name):
        return name, value
    full = properties.ALIASES.get(name, name)
    if full in READ_ONLY:
        raise CommandError(f"{act}: '{full}' is readonly")
    if full not in DEFAULTS and full != "mountpoint":
        raise CommandError(f"{act}: invalid property '{name}'")
    try:
        normal = properties.normalise(full, value)
    except errors.MalformedError:
        words = properties.expected(full)
        if words.startswith("one of "):
            allowed = " | ".join(words.removeprefix("one of ").split(", "))
            raise CommandError(f"{act}: '{full}' must be one of '{allowed}'") from None
        if value.isdecimal() or not words:
            raise CommandError(f"{act}: '{full}' is not valid: {value}") from None
        raise CommandError(f"{act}: bad numeric value '{value}'") from None
    return full, printed(full, normal)


def printed(name: str, normal: str) -> str:
    """A normal value as `zfs get -p` prints it: `none` is a number for limits."""
    if normal != "none" or name == "mountpoint":
        return normal
    if name in ZERO_IS_DEFAULT:
        return "0"
    return _NO_LIMIT if name.endswith("_limit") else normal


def store_local(dataset: Dataset, name: str, value: str) -> None:
    """What `zfs set` leaves behind."""
    if name in ZERO_IS_DEFAULT and value == "0":
        dataset.local.pop(name, None)
    else:
        dataset.local[name] = value


def get(pool: Pool, name: str, wanted: str) -> Property:
    """One property of one dataset; a user property nobody set is `-`."""
    if wanted == "mountpoint":
        return mountpoint(pool, name)
    own = _own(pool.datasets[name], wanted)
    if own is not None:
        return own
    if wanted not in NOT_INHERITABLE:
        above = parent_of(name)
        while above:
            if (found := _own(pool.datasets[above], wanted)) is not None:
                return Property(found.value, "inherited")
            above = parent_of(above)
    if wanted in DEFAULTS:
        return Property(DEFAULTS[wanted], "default")
    return Property("-", "none")


def mountpoint(pool: Pool, name: str) -> Property:
    """Where a dataset mounts: an inherited path has the rest of the name appended."""
    own = _own(pool.datasets[name], "mountpoint")
    if own is not None:
        return own
    above = parent_of(name)
    while above:
        found = _own(pool.datasets[above], "mountpoint")
        if found is not None:
            if found.value in ("none", "legacy"):
                return Property(found.value, "inherited")
            return Property(found.value.rstrip("/") + name[len(above) :], "inherited")
        above = parent_of(above)
    return Property(f"/{name}", "default")


def every(pool: Pool, name: str) -> tuple[tuple[str, Property], ...]:
    """All native properties and the user properties that have a value, sorted."""
    names = {*DEFAULTS, "mountpoint"}
    above = name
    while above:
        dataset = pool.datasets[above]
        names.update(key for key in (*dataset.local, *dataset.received) if is_user(key))
        above = parent_of(above)
    found = ((key, get(pool, name, key)) for key in sorted(names))
    own = (("guid", Property(pool.datasets[name].guid, "none")),)
    return tuple(sorted((*((k, v) for k, v in found if v.source != "none"), *own)))


def _own(dataset: Dataset, name: str) -> Property | None:
    if name in dataset.local:
        return Property(dataset.local[name], "local")
    if name in dataset.received and name not in dataset.masked:
        return Property(dataset.received[name], "received")
    return None
