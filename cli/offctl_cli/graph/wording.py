"""What stands in a diagram besides names: folded lines, who uses a row, how things are."""

from collections.abc import Iterable
import textwrap

from offctl.text import visible
from offctl_cli.graph.model import Kind, Mark, Row, Tone, Way

WIDTH = 44
MOST_LINES = 6

WAYS = {
    Way.REQUEST: "passes requests on",
    Way.USES: "uses",
    Way.TUNNEL: "tunnel, encrypted",
    Way.OWN: "is shown its own data",
    Way.SHARED: "is shown data of others",
    Way.COPY: "is copied to",
}
TONES = {
    Tone.RIGHT: "right, as far as is told",
    Tone.CARE: "not right, or waits",
    Tone.BAD: "broken",
    Tone.UNKNOWN: "not known",
}


def folded(text: str) -> list[str]:
    """`text`, made harmless, as some short lines; what is more is cut, and says so."""
    lines = textwrap.wrap(visible(text), WIDTH, break_on_hyphens=False) or [""]
    return lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 1], "…"]


def marked(text: str, mark: Mark | None) -> str:
    """With the word of a mark: no colour stands alone."""
    return text if mark is None or not mark.word else f"{text} [{mark.word}]"


def users(row: Row, kind: Kind) -> str:
    """Who needs a row."""
    word = "shown to" if kind is Kind.DATA else "for"
    return f"{word} {', '.join(row.users)}" if row.users else ""


def ways(used: Iterable[Way]) -> list[tuple[Way, str]]:
    """The meaning of every kind of line that is in a diagram."""
    present = set(used)
    return [(way, WAYS[way]) for way in Way if way in present]
