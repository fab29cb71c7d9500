"""PVE's property strings: `bare,key=value,...` as in mpN, netN, rootfs, features and startup.

Pure. One key may stand without its name (volume of mpN, name of nothing else); PVE writes it first
and bare, and the rest in alphabetical order (facts read from its own writer).
"""

from collections.abc import Mapping

from offctl import errors

_ON = frozenset({"1", "on", "yes", "true"})


def is_on(value: str) -> bool:
    """Whether PVE takes the value of a flag as set."""
    return value.lower() in _ON


def parse(text: str, *, bare: str = "") -> dict[str, str]:
    """The parts by key; `bare` is the key that may stand without `key=`.

    Raises MalformedError for a part that is neither, and for a key that stands twice: PVE would
    ignore the whole line then, and start the container without it.
    """
    parts: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals:
            key, value = bare, part
        if not key or key in parts:
            raise errors.MalformedError(f"cannot read {text[:80]!r}: PVE could not parse it either")
        parts[key] = value
    return parts


def join(parts: Mapping[str, str], *, bare: str = "", first: tuple[str, ...] = ()) -> str:
    """The text PVE would write: bare value, then the keys named in `first`, then the others."""
    leading = [key for key in first if key in parts]
    others = sorted(key for key in parts if key != bare and key not in leading)
    words = [parts[bare]] if bare in parts else []
    return ",".join(words + [f"{key}={parts[key]}" for key in leading + others])
