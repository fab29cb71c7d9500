"""The shapes of names, paths and ids, checked once here for the site, the bundle and the host.

Every pattern is an allow list in ASCII; no value that passes can be taken for an option, leave its
directory, or break the line of a configuration file.
"""

import re

from offctl import errors
from offctl.desired.model import Window

MAX_ID = 2**32 - 2
MAX_PATH = 4096

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
# zfs(8): components of letters, digits and "-_.:"; a snapshot or bookmark is never named here.
POOL = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,62}")
DATASET = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]*(?:/[A-Za-z0-9_.:][A-Za-z0-9_.:-]*){0,15}")
MAX_DATASET = 255
# What a site calls a dataset: its name without the pool.
LOGICAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*){0,15}")
# What PVE takes: it calls a container CT113 whom nobody gave a name.
HOSTNAME = re.compile(
    r"(?=.{1,255}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
MOUNT_OPTIONS = ("discard", "lazytime", "noatime", "nodev", "noexec", "nosuid")
OPTION = re.compile(r"[a-z][a-z_]*[0-9]{0,3}")
INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
SIZE = re.compile(r"[1-9][0-9]{0,8}[KMGT]?")
FILE_MODE = re.compile(r"[0-7]{4}")
SHA256 = re.compile(r"[0-9a-f]{64}")
# A port, or host:port with the host before the last colon, as stunnel writes IPv6 too.
ACCEPT = re.compile(r"(?:(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}|[0-9A-Fa-f:.]{2,45}):)?[1-9][0-9]{0,4}")
CONNECT = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}|[0-9A-Fa-f:.]{2,45}):[1-9][0-9]{0,4}")
PSK_IDENTITY = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
ID_RANGE = re.compile(
    r"(?P<kind>[ug]) (?P<inside>[0-9]{1,10}) (?P<outside>[0-9]{1,10}) (?P<count>[0-9]{1,10})"
)
SUBID = re.compile(r"(?P<kind>[ug]):(?P<start>[0-9]{1,10}):(?P<count>[0-9]{1,10})")

DAY = 24 * 60
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WINDOW = re.compile(
    r"(?P<days>(?:mon|tue|wed|thu|fri|sat|sun)(?:,(?:mon|tue|wed|thu|fri|sat|sun)){0,6}) "
    r"(?P<start>[0-2][0-9]:[0-5][0-9])-(?P<end>[0-2][0-9]:[0-5][0-9]) "
    r"(?P<zone>[A-Za-z][A-Za-z0-9_+/-]{0,40})"
)

_PATH_CHARACTERS = re.compile(r"[\x20-\x7e]+")


def checked(text: str, pattern: re.Pattern[str], what: str) -> str:
    """`text` itself when it has the shape; raises MalformedError otherwise."""
    matched(text, pattern, what)
    if pattern is DATASET and len(text) > MAX_DATASET:
        raise errors.MalformedError(f"cannot use {what} {text[:60]!r}...: longer than 255 bytes")
    return text


def matched(text: str, pattern: re.Pattern[str], what: str) -> re.Match[str]:
    """The match from end to end; raises MalformedError when there is none."""
    match = pattern.fullmatch(text)
    if match is None:
        raise errors.MalformedError(f"cannot use {what} {text[:80]!r}: not of the allowed form")
    return match


def dataset_complaint(text: str) -> str:
    """Why `text` cannot be the ZFS name of a dataset in a site; empty when it can."""
    if any(part in (".", "..") for part in text.split("/")):
        return "it must not hold '.' or '..'"
    try:
        checked(text, DATASET, "dataset name")
    except errors.MalformedError as error:
        return str(error)
    return ""


def path(text: str) -> str:
    """An absolute, normal path in printable ASCII, without a trailing slash, not `/` itself."""
    complaint = path_complaint(text)
    if complaint:
        raise errors.MalformedError(f"cannot use path {text[:80]!r}: {complaint}")
    return text


def path_complaint(text: str) -> str:
    """Why `text` is not a path we accept; empty when it is."""
    if not text.startswith("/"):
        return "it must be absolute"
    if len(text) > MAX_PATH:
        return f"it is longer than {MAX_PATH} characters"
    if not _PATH_CHARACTERS.fullmatch(text):
        return "only printable ASCII is safe with pct"
    if text == "/":
        return "it must not be the root directory"
    parts = text[1:].split("/")
    if "" in parts:
        return "it must not end in a slash or hold two in a row"
    if "." in parts or ".." in parts:
        return "it must not hold '.' or '..'"
    if "," in text:
        return "pct cannot hold a comma in a path"
    return ""


def bind_source(text: str) -> str:
    """A path that may stand as the source of a bind mount: also without `=` (facts: pct)."""
    complaint = bind_source_complaint(text)
    if complaint:
        raise errors.MalformedError(f"cannot use path {text[:80]!r}: {complaint}")
    return text


def bind_source_complaint(text: str) -> str:
    """Why `text` cannot be a bind source; empty when it can.

    pct writes a source with "=" so that it cannot read it back, and then starts the container
    silently without that mount.
    """
    return path_complaint(text) or ("pct cannot hold '=' in a source path" if "=" in text else "")


def relative_path(text: str) -> str:
    """A normal relative path (a directory inside a dataset)."""
    if text.startswith("/"):
        raise errors.MalformedError(f"cannot use path {text[:80]!r}: it must be relative")
    path("/" + text)
    return text


def word(text: str) -> str:
    """One argument of a command: printable and bounded; it is never given to a shell."""
    if not text or len(text) > MAX_PATH or not _PATH_CHARACTERS.fullmatch(text):
        raise errors.MalformedError(
            f"cannot use argument {text[:80]!r}: only 1 to {MAX_PATH} printable ASCII characters"
        )
    return text


def window(text: str) -> Window:
    """Read `sat,sun 02:00-05:00 Europe/Paris`; `24:00` may stand for the end of a day."""
    match = matched(text, WINDOW, "restart window")
    start, end = _minutes(match["start"], text), _minutes(match["end"], text)
    if start in (end, DAY):
        raise errors.MalformedError(
            f"cannot use restart window {text!r}: it never opens",
            hint="a whole day is 00:00-24:00",
        )
    days = tuple(sorted({DAYS.index(day) for day in match["days"].split(",")}))
    return Window(days=days, start=start, end=end, zone=match["zone"])


def window_text(value: Window) -> str:
    """The canonical text of a window, as `window` reads it."""
    days = ",".join(DAYS[day] for day in value.days)
    return (
        f"{days} {value.start // 60:02}:{value.start % 60:02}"
        f"-{value.end // 60:02}:{value.end % 60:02} {value.zone}"
    )


def refuse_twice(what: str, values: list[str]) -> None:
    """Raise MalformedError when a name stands twice."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise errors.MalformedError(f"cannot use {what} {value!r}: it stands twice")
        seen.add(value)


def _minutes(text: str, whole: str) -> int:
    hours, minutes = text.split(":")
    if int(hours) > 23 and text != "24:00":
        raise errors.MalformedError(f"cannot use restart window {whole!r}: no such hour")
    return int(hours) * 60 + int(minutes)
