"""The forms of the agent's own state files: a header with checksum and length, then the content.

A file that grows has lines with a checksum each instead.
"""

import hashlib
import re

_SUM = 16
_HEADER = re.compile(rb"offctl-state 1 ([0-9a-f]{64}) ([0-9]{1,9})\n")


def dump(content: bytes) -> bytes:
    """The whole file for a content."""
    header = f"offctl-state 1 {hashlib.sha256(content).hexdigest()} {len(content)}\n"
    return header.encode() + content


def parse(whole: bytes) -> bytes | None:
    """The content of a whole file; None when it is cut, changed, or of another form."""
    match = _HEADER.match(whole)
    if match is None:
        return None
    content = whole[match.end() :]
    right = len(content) == int(match[2])
    return content if right and hashlib.sha256(content).hexdigest() == match[1].decode() else None


def dump_line(content: bytes) -> bytes:
    """A line without its end, for a content without newlines."""
    return _line_sum(content) + b" " + content


def parse_line(line: bytes) -> bytes | None:
    """The content of a line; None when it is cut or changed."""
    content = line[_SUM + 1 :]
    return content if line == dump_line(content) else None


def _line_sum(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest()[:_SUM].encode()
