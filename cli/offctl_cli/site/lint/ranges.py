"""Arithmetic on id-map lines: what they leave out, what they map twice."""

from collections.abc import Iterator

from offctl.desired.model import IdRange, Subid

Lines = tuple[IdRange, ...]

LAST_ID = 65535  # what a Debian system uses; PVE's own default maps exactly these
PVE_DEFAULT: Lines = (IdRange("u", 0, 100000, 65536), IdRange("g", 0, 100000, 65536))


def gaps(lines: Lines, kind: str) -> Iterator[tuple[int, int]]:
    """The first and last of each run of container ids up to 65535 that no line maps."""
    expected = 0
    for line in sorted(_of(lines, kind), key=lambda line: line.inside):
        if line.inside > expected:
            yield expected, line.inside - 1
        expected = max(expected, line.inside + line.count)
    if expected <= LAST_ID:
        yield expected, LAST_ID


def overlaps(lines: Lines, kind: str) -> Iterator[str]:
    """Which pairs of lines map one id twice, inside or on the host."""
    of_kind = list(_of(lines, kind))
    for position, first in enumerate(of_kind):
        for second in of_kind[position + 1 :]:
            if _meet(first.inside, second.inside, first.count, second.count):
                yield f"container id {max(first.inside, second.inside)} is mapped twice"
            if _meet(first.outside, second.outside, first.count, second.count):
                yield f"host id {max(first.outside, second.outside)} stands for two ids"


def ungranted(lines: Lines, granted: tuple[Subid, ...], kind: str) -> Iterator[str]:
    """The host ranges of `lines` that no single granted range covers."""
    for line in _of(lines, kind):
        if not any(
            grant.kind == kind
            and grant.start <= line.outside
            and line.outside + line.count <= grant.start + grant.count
            for grant in granted
        ):
            yield f"{line.outside}-{line.outside + line.count - 1}"


def _of(lines: Lines, kind: str) -> Iterator[IdRange]:
    return (line for line in lines if line.kind == kind)


def _meet(first: int, second: int, first_count: int, second_count: int) -> bool:
    return first < second + second_count and second < first + first_count
