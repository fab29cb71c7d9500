"""Any text in few and harmless characters, for what travels and is shown."""

from collections.abc import Mapping
import re
from typing import Any

MAX_TEXT = 500

_UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def brief(value: Any) -> Any:
    """A value for JSON whose texts have at most MAX_TEXT characters and none that controls."""
    if isinstance(value, str):
        # What a host's files and commands say goes in here; who reads it takes no such characters.
        shown = _UNREADABLE.sub(_escaped, value[:MAX_TEXT])
        return shown if len(value) <= MAX_TEXT else shown[: MAX_TEXT - 1] + "…"
    if isinstance(value, Mapping):
        return {key: brief(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [brief(item) for item in value]
    return value


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()
