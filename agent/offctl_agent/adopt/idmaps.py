"""The id-map of a container, as what should be the same inside and outside, or line by line."""

from collections.abc import Iterable
from dataclasses import dataclass
import itertools

from offctl.desired import names
from offctl.desired.model import IdRange, Subid

IDS = 65536
SHIFT = 100000
KINDS = ("u", "g")
DEFAULT = tuple(IdRange(kind, 0, SHIFT, IDS) for kind in KINDS)
PRIVILEGED = tuple(IdRange(kind, 0, 0, 2**32 - 1) for kind in KINDS)


@dataclass(frozen=True, slots=True)
class Intent:
    """`identity` are spans of ids that stay the same; all others are moved by `shift`."""

    identity: tuple[str, ...]
    shift: int


def parse(lines: Iterable[str]) -> tuple[IdRange, ...] | None:
    """The lxc.idmap values of a file; None when one of them is not of the usual form."""
    found = []
    for line in lines:
        match = names.ID_RANGE.fullmatch(line)
        if match is None or not int(match["count"]):
            return None
        inside, outside, count = (int(match[part]) for part in ("inside", "outside", "count"))
        found.append(IdRange(match["kind"], inside, outside, count))
    return tuple(found)


def complaint(ranges: tuple[IdRange, ...]) -> str:
    """Why an id-map must not stand in a site; empty when it may."""
    for kind in KINDS:
        of_kind = sorted((r for r in ranges if r.kind == kind), key=lambda r: r.inside)
        expected = 0
        for each in of_kind:
            if each.inside > expected:
                return f"it leaves id {expected} of the container to nobody"
            if each.inside < expected:
                return f"it maps id {each.inside} of the container twice"
            expected = each.inside + each.count
        if expected < IDS:
            return f"it leaves id {expected} of the container to nobody"
        outside = sorted(of_kind, key=lambda r: r.outside)
        for first, second in itertools.pairwise(outside):
            if first.outside + first.count > second.outside:
                return f"id {second.outside} of the host stands for two"
    if any(r.outside + r.count > 2**32 - 1 for r in ranges):
        return "it goes beyond the ids there are"
    return ""


def intent(ranges: tuple[IdRange, ...]) -> Intent | None:
    """What these lines mean, when that gives exactly these lines again."""
    users = [r for r in ranges if r.kind == "u"]
    shifts = {r.outside - r.inside for r in users if r.outside != r.inside}
    if len(shifts) > 1:
        return None
    shift = shifts.pop() if shifts else SHIFT
    spans = tuple((r.inside, r.inside + r.count - 1) for r in users if r.outside == r.inside)
    joined = [(first, end - 1) for first, end in _joined([(a, b + 1) for a, b in spans])]
    if not IDS <= shift <= 2**31 or not spans or joined != sorted(spans):
        return None
    found = Intent(tuple(_span(*span) for span in spans), shift)
    return found if lines(spans, shift) == ranges else None


def lines(spans: tuple[tuple[int, int], ...], shift: int) -> tuple[IdRange, ...]:
    """What the compiler makes of an intent."""
    made: list[IdRange] = []
    free = 0
    for first, last in (*sorted(spans), (IDS, IDS)):
        if first > free:
            made += [IdRange(kind, free, shift + free, first - free) for kind in KINDS]
        if first < IDS:
            made += [IdRange(kind, first, first, last - first + 1) for kind in KINDS]
        free = last + 1
    return tuple(made)


def in_order(ranges: tuple[IdRange, ...]) -> tuple[IdRange, ...]:
    """As the compiler orders them: users and groups in turn, ascending."""
    return tuple(sorted(ranges, key=lambda r: (r.inside, KINDS.index(r.kind))))


def inside(ranges: tuple[IdRange, ...], kind: str, outside: int) -> int | None:
    """The container's id that is `outside` on the host; None when there is none."""
    for each in ranges:
        if each.kind == kind and each.outside <= outside < each.outside + each.count:
            return each.inside + outside - each.outside
    return None


def needed(every: Iterable[tuple[IdRange, ...]]) -> tuple[Subid, ...]:
    """What the compiler asks to be granted for these id-maps."""
    spans = {kind: [(SHIFT, SHIFT + IDS)] for kind in KINDS}
    for ranges in every:
        for each in ranges:
            spans[each.kind].append((each.outside, each.outside + each.count))
    return tuple(
        Subid(kind, start, end - start) for kind in KINDS for start, end in _joined(spans[kind])
    )


def granted(needs: Iterable[Subid], given: Iterable[tuple[str, int, int]]) -> bool:
    """Whether each is inside one range that is granted."""
    have = tuple(given)
    return all(
        any(
            kind == need.kind and start <= need.start and need.start + need.count <= start + count
            for kind, start, count in have
        )
        for need in needs
    )


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _span(first: int, last: int) -> str:
    return f"{first}-{last}" if last > first else str(first)
