"""/etc/pve/lxc/ID.conf: read as PVE reads it, written as PVE writes it, edited byte by byte.

Pure: bytes in, bytes or values out. Lines are Latin-1 here because PVE's own reader sees bytes;
only the description is UTF-8 (percent-encoded in the file).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
import hashlib
import math
import re
from urllib.parse import unquote_to_bytes

from offctl.observed import Configuration
from offctl_agent.host import pctraw, pctschema

PENDING = "pve:pending"

_PENDING_HEADER = re.compile(r"\[pve:pending\]\s*", re.IGNORECASE | re.ASCII)
_SNAPSHOT_HEADER = re.compile(r"\[([a-z][a-z0-9_-]+)\]\s*", re.IGNORECASE | re.ASCII)
_RAW = re.compile(r"(lxc\.[a-z0-9_.-]+)(?::|\s*=)\s*(.*?)\s*", re.ASCII)
_DESCRIPTION = re.compile(r"description:\s*(.*\S)\s*", re.ASCII)
_SNAPSTATE = re.compile(r"snapstate:\s*(prepare|delete)\s*\Z", re.ASCII)
_DELETE = re.compile(r"delete:\s*(.*\S)\s*", re.ASCII)
_OPTION = re.compile(r"([a-z][a-z_]*\d*):\s*(.+?)\s*", re.ASCII)
# Digits of 2**64.
_LONGEST = 20


@dataclass(slots=True)
class Section:
    """One part of a file: its keys (description and delete too) and its raw lines in order."""

    options: dict[str, str] = field(default_factory=dict)
    raw: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class File:
    """A whole file. `dropped` are lines PVE cannot read, `warnings` all it says while reading."""

    main: Section = field(default_factory=Section)
    pending: Section = field(default_factory=Section)
    snapshots: dict[str, Section] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def parse(content: bytes) -> Configuration:
    """What the file says now, what waits in it, and its digest; snapshots are left aside."""
    file = read(content)
    pending = dict(file.pending.options)
    delete = pending.pop("delete", "")
    return Configuration(
        options=tuple(sorted(file.main.options.items())),
        raw=tuple(file.main.raw),
        pending=tuple(sorted(pending.items())),
        pending_delete=tuple(sorted(deletions(delete))),
        digest=digest(content),
        complaints=tuple(file.dropped),
    )


def digest(content: bytes) -> str:
    """What pct takes as --digest: SHA-1, here only a checksum against lost updates."""
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def deletions(text: str) -> dict[str, bool]:
    """The keys of a pending `delete:` list; True where `!` forces it."""
    found = {}
    for word in re.split(r"[\s,;]+", text):
        if word.lstrip("!"):
            found[word.lstrip("!")] = word.startswith("!")
    return found


def read(content: bytes) -> File:
    """Every section, by PVE's own rules."""
    file = File()
    section, comment = file.main, ""
    for line in content.decode("latin-1").split("\n"):
        if not line.strip(" \t\r\f\v"):
            continue
        header = _header(line, file)
        if header is not None:
            _describe(section, comment)
            section, comment = header, ""
        elif line.startswith("#"):
            comment += decode_text(line[1:]) + "\n"
        elif _RAW.fullmatch(line) is None and (match := _DESCRIPTION.fullmatch(line)):
            comment += decode_text(match[1])
        else:
            _read_line(line, section, file)
    _describe(section, comment)
    file.main.options.pop("snapstate", None)
    return file


def render(file: File) -> bytes:
    """The bytes PVE would write: descriptions on top, keys in string order, raw lines last."""
    text = _rendered(file.main, _in_use(file))
    if file.pending.options:
        text += f"\n[{PENDING}]\n" + _rendered(file.pending, frozenset())
    for name in sorted(file.snapshots):
        text += f"\n[{name}]\n" + _rendered(file.snapshots[name], frozenset())
    return text.encode("latin-1", errors="replace")


def with_idmap(content: bytes, lines: Iterable[str]) -> bytes:
    """`content` with exactly these lxc.idmap values in its main section.

    Lines that already say the same stay as they are; otherwise the new ones stand where the first
    old one stood (at the end of the main section when there was none). No other byte changes.
    """
    wanted = [" ".join(line.split()) for line in lines]
    kept, place, found = _without_idmap(content)
    if found == wanted:
        return content
    if place > 0 and wanted and not kept[place - 1].endswith(b"\n"):
        kept[place - 1] += b"\n"
    new = [f"lxc.idmap: {line}\n".encode("ascii") for line in wanted]
    return b"".join(kept[:place] + new + kept[place:])


def decode_text(text: str) -> str:
    """Percent-decoded UTF-8; bytes that are none become U+FFFD, as PVE does."""
    return unquote_to_bytes(text.encode("latin-1")).decode("utf-8", errors="replace")


def encode_text(text: str) -> str:
    """One line of a description as PVE writes it."""
    return "".join(
        chr(byte) if 0x20 <= byte <= 0x7E and byte not in b"%:" else f"%{byte:02X}"
        for byte in text.encode("utf-8", errors="replace")
    )


def _header(line: str, file: File) -> Section | None:
    if _PENDING_HEADER.fullmatch(line):
        file.pending = Section()
        return file.pending
    if match := _SNAPSHOT_HEADER.fullmatch(line):
        file.snapshots[match[1]] = Section()
        return file.snapshots[match[1]]
    return None


def _describe(section: Section, comment: str) -> None:
    if comment:
        section.options["description"] = comment


def _read_line(line: str, section: Section, file: File) -> None:
    if match := _RAW.fullmatch(line):
        _read_raw(line, match[1], match[2], section, file)
    elif match := _SNAPSTATE.search(line):
        section.options["snapstate"] = match[1]
    elif match := _DELETE.fullmatch(line):
        if section is file.pending:
            section.options["delete"] = match[1]
        else:
            _drop(line, f"property 'delete' is only allowed in [{PENDING}]", file)
    elif match := _OPTION.fullmatch(line):
        section.options[match[1]] = _typed(match[1], match[2], file)
    else:
        _drop(line, f"unable to parse config: {line}", file)


def _read_raw(line: str, key: str, value: str, section: Section, file: File) -> None:
    verdict = pctraw.judge(key)
    if verdict is pctraw.Verdict.UNKNOWN:
        _drop(line, f"unable to parse config: {line}", file)
    elif verdict is pctraw.Verdict.GENERATED:
        _drop(line, f"{key}: {pctraw.GENERATED[key]}", file)
    else:
        if verdict is pctraw.Verdict.RENAMED:
            file.warnings.append(f"{key} is deprecated and was renamed to {pctraw.RENAMED[key]}")
        section.raw.append((key, value))


def _drop(line: str, warning: str, file: File) -> None:
    file.dropped.append(line)
    file.warnings.append(warning)


def _typed(key: str, text: str, file: File) -> str:
    """The value as PVE keeps it; what it cannot understand stays verbatim, with a warning."""
    kind = pctschema.kind_of(key)
    if kind is None:
        file.warnings.append(f"unable to parse value of '{key}' - unknown setting '{key}'")
        return text
    if key == "snapstate":
        return text
    complaints = pctschema.judge(kind, text, limits=False)
    if complaints:
        file.warnings.append(f"unable to parse value of '{key}' - {_worded(kind, complaints)}")
        return text
    if kind.type == "boolean":
        return pctschema.boolean(text) or "0"
    return _integer(text) if kind.type == "integer" else text


def _worded(kind: pctschema.Kind, complaints: list[pctschema.Complaint]) -> str:
    if not kind.parts:
        return complaints[0].reason
    lines = [f"{c.path}: {c.reason}" if c.path else c.reason for c in complaints]
    return "\n".join([pctschema.FORMAT_ERROR, *lines])


def _integer(text: str) -> str:
    """Perl's int(): beyond 64 bits it becomes a float and is written as one, in the end as Inf."""
    digits = text.lstrip("0") or "0"
    number = int(digits) if len(digits) <= _LONGEST else 2**64
    if number < 2**64:
        return str(number)
    amount = float(digits)
    return "Inf" if math.isinf(amount) else f"{amount:.15g}"


def _in_use(file: File) -> frozenset[str]:
    """Volumes that a mount point of the main section uses."""
    used = set()
    for key, text in file.main.options.items():
        kind = pctschema.kind_of(key)
        if kind is not None and "volume" in kind.parts:
            parts = pctschema.split(kind, text)
            if isinstance(parts, Mapping):
                used.add(parts.get("volume", ""))
    return frozenset(used)


def _rendered(section: Section, used: frozenset[str]) -> str:
    lines = []
    if "description" in section.options:
        described = section.options["description"].rstrip("\n")
        if described:
            lines += [f"#{encode_text(line)}" for line in described.split("\n")]
    for key in sorted(section.options):
        value = section.options[key]
        superfluous = re.fullmatch(r"unused\d+", key) and value in used
        if key != "description" and not superfluous:
            lines.append(f"{key}: {value}")
    lines += [f"{key}: {value}" for key, value in section.raw]
    return "".join(f"{line}\n" for line in lines)


def _without_idmap(content: bytes) -> tuple[list[bytes], int, list[str]]:
    """The other lines, the place for new ones, and the values that stood there."""
    kept: list[bytes] = []
    found: list[str] = []
    place = end = -1
    for line in _lines(content):
        text = line.rstrip(b"\n").decode("latin-1")
        if end < 0 and _header(text, File()) is not None:
            end = _before_blank(kept)
        match = _RAW.fullmatch(text) if end < 0 else None
        if match and match[1] == "lxc.idmap":
            place = len(kept) if place < 0 else place
            found.append(" ".join(match[2].split()))
        else:
            kept.append(line)
    if place < 0:
        place = end if end >= 0 else len(kept)
    return kept, place, found


def _lines(content: bytes) -> list[bytes]:
    """Split at newlines only, keeping them: a carriage return belongs to its line."""
    return re.findall(rb"[^\n]*\n|[^\n]+", content)


def _before_blank(kept: list[bytes]) -> int:
    """The blank line before a section header stays with the header."""
    place = len(kept)
    while place and not kept[place - 1].strip():
        place -= 1
    return place
