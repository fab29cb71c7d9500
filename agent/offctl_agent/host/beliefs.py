"""Whether what an action takes for granted is true, and whether it did what it was for. Pure."""

from offctl import errors, propertystring
from offctl.desired.model import IdRange
from offctl.observed import Configuration
from offctl.planner import actions, options
from offctl_agent.host import pctschema

IDMAP = "lxc.idmap"
# What PVE generates for an unprivileged container without lines of its own.
DEFAULT_IDMAP = ("u 0 100000 65536", "g 0 100000 65536")
KINDS = {"u": "uid", "g": "gid"}


def conflict(action: actions.SetContainer, now: Configuration) -> str:
    """What the planner saw otherwise; empty when `before` still holds."""
    for key, before in action.before:
        value = now.option(key) or ""
        if value != before:
            return f"{key} is {value or 'absent'!r} now, not {before or 'absent'!r}"
    return ""


def unmet(action: actions.SetContainer, now: Configuration) -> str:
    """What a `pct set` that reported success did not do; empty when all is written."""
    written = {**dict(now.options), **dict(now.pending)}
    queued = set(now.pending_delete)
    for key, value in action.options:
        if key not in written or not _written(key, value, written[key]):
            return f"{key} is {written.get(key, 'absent')!r} after setting it to {value!r}"
    for key in action.delete:
        if now.option(key) is not None and key not in queued and key not in dict(action.options):
            return f"{key} is still there after deleting it"
    for key in action.revert:
        if key in dict(now.pending) or key in queued:
            return f"{key} still waits for a restart after reverting it"
    return ""


def idmap_lines(now: Configuration) -> tuple[str, ...]:
    """The id-map values of a file, blanks unified."""
    return tuple(" ".join(value.split()) for key, value in now.raw if key == IDMAP)


def idmap_texts(ranges: tuple[IdRange, ...]) -> tuple[str, ...]:
    """The values that say `ranges`."""
    return tuple(f"{r.kind} {r.inside} {r.outside} {r.count}" for r in ranges)


def ungranted(now: Configuration, granted: tuple[tuple[str, int, int], ...]) -> str:
    """What the id-map needs and root may not map; empty when nothing."""
    lines = idmap_lines(now)
    if not lines and now.option("unprivileged") == "1":
        lines = DEFAULT_IDMAP
    for line in lines:
        words = line.split()
        if len(words) != 4 or words[0] not in KINDS or not all(w.isdecimal() for w in words[1:]):
            return f"LXC cannot read {IDMAP} {line!r}"
        kind, start, count = words[0], int(words[2]), int(words[3])
        if not any(k == kind and s <= start and start + count <= s + c for k, s, c in granted):
            return f"{IDMAP} {line}: /etc/sub{KINDS[kind]} does not grant it to root: not allowed"
    return ""


def unreadable_mounts(now: Configuration) -> tuple[str, ...]:
    """The mpN keys PVE cannot parse: it would start the container silently without them."""
    return tuple(
        key
        for key, value in now.options
        if key.startswith("mp")
        and (kind := pctschema.kind_of(key)) is not None
        and pctschema.judge(kind, value, limits=False)
    )


def _written(key: str, wanted: str, value: str) -> bool:
    if not key.startswith(("mp", "net")):
        return options.same(key, wanted, value)
    bare = "volume" if key.startswith("mp") else ""
    try:
        asked = propertystring.parse(wanted, bare=bare)
        found = propertystring.parse(value, bare=bare)
    except errors.MalformedError:
        return False
    return all(_part(name, text, found.get(name)) for name, text in asked.items())


def _part(name: str, wanted: str, value: str | None) -> bool:
    if value is None:
        return False
    # PVE replaces STORAGE:SIZE by the volume it made, and writes that one's size.
    if name == "size" or (name == "volume" and not wanted.startswith("/")):
        return wanted.partition(":")[0] == value.partition(":")[0] or name == "size"
    return wanted == value or pctschema.boolean(wanted) == pctschema.boolean(value) is not None
