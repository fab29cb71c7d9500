"""/etc/subuid and /etc/subgid: what root may map into containers.

Pure. Lines that are not understood are somebody else's and stay.
"""

from collections.abc import Iterable
import re

from offctl.desired.model import Subid

FILES = (("u", "subuid"), ("g", "subgid"))
_LINE = re.compile(rb"root:(\d{1,10}):(\d{1,10})\s*")


def parse(kind: str, content: bytes) -> tuple[tuple[str, int, int], ...]:
    """The ranges of root in one file, in order: (kind, start, count)."""
    matches = (_LINE.fullmatch(line) for line in content.split(b"\n"))
    return tuple((kind, int(match[1]), int(match[2])) for match in matches if match)


def granted(content: bytes, ranges: Iterable[Subid]) -> bytes:
    """`content` with a line for root appended for each range that has none yet."""
    for wish in ranges:
        if (wish.kind, wish.start, wish.count) in parse(wish.kind, content):
            continue
        if content and not content.endswith(b"\n"):
            content += b"\n"
        content += f"root:{wish.start}:{wish.count}\n".encode("ascii")
    return content
