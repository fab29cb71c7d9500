"""Container options: when two values mean the same, and what changing one costs.

The hot-plug column of pct's own documentation and code: a change of a running container is live,
stored at once, or waits in [pve:pending] for a restart.
"""

import re

from offctl import errors, propertystring

# Keys that PVE stores as pending on a running container (everything else is live or stored).
PENDING = frozenset(
    (
        "arch cmode console debug entrypoint env features nameserver ostype searchdomain template "
        "timezone tty"
    ).split()
)
BOOLEANS = frozenset("console debug onboot protection template unprivileged".split())
NEVER_CHANGED = frozenset({"unprivileged"})
# `pct set --delete` refuses these.
UNDELETABLE = frozenset({"memory", "ostype", "rootfs", "unprivileged"})

# What an absent key means, where a written value can mean the same.
_DEFAULTS = {
    "cmode": "tty",
    "console": "1",
    "cpulimit": "0",
    "debug": "0",
    "onboot": "0",
    "protection": "0",
    "swap": "0",
    "template": "0",
    "tty": "2",
}


def waits_for_restart(key: str) -> bool:
    """Whether a change of `key` on a running container takes effect at its next start only."""
    return key in PENDING or re.fullmatch(r"dev\d+", key) is not None


def same(key: str, desired: str, observed: str | None) -> bool:
    """Whether the two mean the same to PVE; None stands for an absent key."""
    if observed is None:
        observed = _DEFAULTS.get(key)
        if observed is None:
            return False
    return meaning(key, desired) == meaning(key, observed)


def meaning(key: str, value: str) -> str:
    """One form for all spellings of one value of `key`; what PVE cannot read stays verbatim."""
    try:
        return _meaning(key, value)
    except errors.MalformedError:
        return value


def _meaning(key: str, value: str) -> str:
    if key in BOOLEANS:
        return _flag(value)
    if key == "tags":
        return ";".join(sorted({t.lower() for t in re.split(r"[;, ]+", value) if t}))
    if key in ("nameserver", "searchdomain"):
        return " ".join(part for part in re.split(r"[;, ]+", value) if part)
    if key == "description":
        return value.rstrip("\n")
    if key == "features":
        return _features(value)
    if key == "startup":
        return propertystring.join(_parts(value, bare="order"))
    if key in ("cpulimit", "cores", "memory", "swap", "cpuunits", "tty"):
        return _number(value)
    return value


def _flag(value: str) -> str:
    return "1" if propertystring.is_on(value) else "0"


def _features(value: str) -> str:
    parts = _parts(value)
    flags = {
        k: v if k == "mount" else _flag(v)
        for k, v in parts.items()
        if k == "mount" or _flag(v) == "1"
    }
    return propertystring.join(flags)


def _parts(value: str, bare: str = "") -> dict[str, str]:
    return propertystring.parse(value, bare=bare) if value.strip() else {}


def _number(value: str) -> str:
    try:
        return f"{float(value):g}" if "." in value or "e" in value else str(int(value))
    except ValueError:
        return value
