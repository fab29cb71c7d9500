"""What a host itself remembers of who did what: PVE's task log and ZFS's history of commands. Pure.

Both are text that others had a hand in. A line counts only when it has exactly the form of its
file; of a command no more is kept than its verb, what it was about, and the values it set.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
import re

from offctl.desired import properties
from offctl.text import visible

MAX_WHO = 100
_TASK = re.compile(
    r"UPID:[A-Za-z0-9][A-Za-z0-9-]*:[0-9A-F]{8}:[0-9A-F]{8,9}:(?P<time>[0-9A-F]{8}):"
    r"(?P<how>[a-z_]{1,40}):(?P<id>\d{1,9}):(?P<who>[^\s:/]{1,200}):"
    # In `index` the end and how it ended follow, in `active` first whether that was archived.
    r"(?: [01])?(?: [0-9A-F]{8}(?: (?P<status>.*))?)?"
)
_COMMAND = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d\.\d\d:\d\d:\d\d)(?: \(\d+ms\))? "
    r"(?P<words>(?:zfs|zpool) .*) "
    r"\[user (?P<number>\d+) (?:\((?P<name>[^()\s]*)\) )?on (?P<host>[^\s\[\]]+)\]"
)
_NAMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*(?:/[A-Za-z0-9_.:-]+)*")


@dataclass(frozen=True, slots=True)
class Trace:
    """Somebody did something: `how` is the type of a task, or the verb of a command.

    `target` is a container's number or a dataset's name; `values` are the properties that were
    named, "" for one that was given back. `deep` says that what lies below was meant too.
    """

    time: datetime
    who: str
    how: str
    target: str
    values: tuple[tuple[str, str], ...] = ()
    deep: bool = False


@dataclass(frozen=True, slots=True)
class Traces:
    """What was found, and why the rest could not be read."""

    found: tuple[Trace, ...] = ()
    unread: tuple[str, ...] = ()


def tasks(content: bytes) -> Iterator[Trace]:
    """The tasks of PVE's `index` or `active` that went well, or go on."""
    for line in content.decode(errors="replace").split("\n"):
        match = _TASK.fullmatch(line)
        status = (match and match["status"]) or ""
        if match is None or not (status in ("", "OK") or status.startswith("WARNINGS")):
            continue
        time = datetime.fromtimestamp(int(match["time"], 16), UTC)
        who = visible(match["who"], MAX_WHO)
        yield Trace(time, who, match["how"], match["id"].lstrip("0"))


def commands(content: bytes, pool: str, instant: Callable[[datetime], datetime]) -> Iterator[Trace]:
    """What `zpool history -l` printed; `instant` gives the moment of a time on the host's clock."""
    for line in content.decode(errors="replace").split("\n"):
        match = _COMMAND.fullmatch(line)
        if match is None:
            continue
        try:
            said = datetime.strptime(match["time"], "%Y-%m-%d.%H:%M:%S")  # noqa: DTZ007
            time = instant(said)
        except (ValueError, OverflowError, OSError):
            continue
        name = match["name"] or f"user {match['number']}"
        who = visible(f"{name} on {match['host'].partition(':')[0]}", MAX_WHO)
        words = match["words"].split(" ")
        flags = "".join(word[1:] for word in words[2:] if re.fullmatch("-[a-zA-Z]+", word))
        deep = "r" in flags or "R" in flags
        for target in dict.fromkeys(w for w in words[2:] if _within(w, pool)):
            yield Trace(time, who, " ".join(words[:2]), target, tuple(_values(words)), deep)


def _within(word: str, pool: str) -> bool:
    return word.partition("/")[0] == pool and _NAMED.fullmatch(word) is not None


def _values(words: list[str]) -> Iterator[tuple[str, str]]:
    if words[1] == "inherit":
        named = (word for word in words[2:] if not word.startswith("-"))
        yield from ((properties.ALIASES.get(name, name), "") for name in list(named)[:1])
        return
    for word in words[2:]:
        name, equals, value = word.partition("=")
        if equals:
            yield properties.ALIASES.get(name, name), value
