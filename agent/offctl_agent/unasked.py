"""What is remembered of changes that nobody asked for; shape and bounds of one state file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from offctl.report import Unasked

KEPT = 50

# Key, field and observed value of something that once was right.
Sight = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """`open` was told and is still so; `lately` is what was told, oldest first."""

    open: frozenset[Sight] = frozenset()
    lately: tuple[Unasked, ...] = ()


def dump(known: Known) -> dict[str, object]:
    """As it is kept: no more than the newest."""
    return {
        "open": sorted(known.open),
        "lately": [asdict(item) for item in known.lately[-KEPT:]],
    }


def parse(document: Mapping[str, Any]) -> Known:
    """Raises ValueError, TypeError or KeyError for what `dump` did not write."""
    seen = frozenset((str(key), str(name), str(value)) for key, name, value in document["open"])
    return Known(seen, tuple(Unasked(**item) for item in document["lately"]))
