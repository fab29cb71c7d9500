"""In which order containers are made, started and restarted: as PVE starts them at boot.

Databases have a smaller `startup` order than what needs them; one without an order comes last.
"""

from offctl import errors, propertystring
from offctl.desired.model import Container

LAST = 1 << 32


def place(container: Container) -> tuple[int, int]:
    """The sorting key of a container."""
    return _order(dict(container.options).get("startup", "")), container.id


def _order(startup: str) -> int:
    try:
        text = propertystring.parse(startup, bare="order").get("order", "")
    except errors.MalformedError:
        return LAST
    return int(text) if text.isdecimal() else LAST
