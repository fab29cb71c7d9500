"""The form of the agent's own state files: a header with checksum and length, then the content."""

import hashlib
import re

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
