"""The shape of a key path, and how people see it."""

import re

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def shown(path: Path) -> str:
    """`containers.off.memory`, `datasets."off/users"`, `devices[0].path`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            quoted = '"' + part[:80].encode("unicode_escape").decode() + '"'
            bare = part if _BARE.fullmatch(part) and len(part) <= len(quoted) else quoted
            text += f".{bare}" if text else bare
    return text
