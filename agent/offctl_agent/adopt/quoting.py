"""What may be said of a line of a container's file: the text is meant for a repository.

People write passwords into the wrong lines, too. A value is repeated only where PVE itself knows
what it is and can read it; of everything else only the key.
"""

import re

from offctl.planner.view import FREE_TEXT
from offctl_agent.host import pctschema

MAX_KEY = 40
_KEY = re.compile(r"\s*([A-Za-z][A-Za-z0-9_.-]*)\s*:")


def value(key: str, text: str, limit: int = 80) -> str:
    """` ('…')` to be put behind what is said of it; empty when it stays on the host."""
    kind = pctschema.kind_of(key)
    if kind is None or key in FREE_TEXT or pctschema.judge(kind, text, limits=False):
        return ""
    return f" ({text[:limit]!r})"


def line(text: str) -> str:
    """How to speak of a line that PVE cannot read: by its key, where it has one."""
    key = _KEY.match(text)
    return f"its line {key[1][:MAX_KEY]!r}" if key else "a line of it that has no key"
