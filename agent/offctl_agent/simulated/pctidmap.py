"""The id-map a container of PVE has: its own lines, or the usual one. Pure."""

from offctl_agent.host import pctconf

KEY = "lxc.idmap"
DEFAULT = ("u 0 100000 65536", "g 0 100000 65536")


def lines(file: pctconf.File) -> tuple[str, ...]:
    """The values in effect; none for a privileged container."""
    found = tuple(" ".join(value.split()) for key, value in file.main.raw if key == KEY)
    if not found and file.main.options.get("unprivileged") == "1":
        return DEFAULT
    return found


def root(idmap: tuple[str, ...]) -> tuple[int, int]:
    """The host's user and group ids of the container's root."""
    return _outside(idmap, "u"), _outside(idmap, "g")


def _outside(idmap: tuple[str, ...], kind: str) -> int:
    for line in idmap:
        words = line.split()
        if words[:2] == [kind, "0"] and len(words) == 4 and words[2].isdecimal():
            return int(words[2])
    return 0
