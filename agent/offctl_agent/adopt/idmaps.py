"""The id-map of a container, as what should be the same inside and outside, or line by line."""

from collections.abc import Iterable
from dataclasses import dataclass
import itertools

from offctl.desired import names
from offctl.desired.idranges import IDS, KINDS, SHIFT, intended, joined
from offctl.desired.model import IdRange


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
    merged = [(first, end - 1) for first, end in joined([(a, b + 1) for a, b in spans])]
    if not IDS <= shift <= 2**31 or not spans or merged != sorted(spans):
        return None
    found = Intent(tuple(_span(*span) for span in spans), shift)
    return found if intended(sorted(spans), shift) == ranges else None


def in_order(ranges: tuple[IdRange, ...]) -> tuple[IdRange, ...]:
    """As the compiler orders them: users and groups in turn, ascending."""
    return tuple(sorted(ranges, key=lambda r: (r.inside, KINDS.index(r.kind))))


def _span(first: int, last: int) -> str:
    return f"{first}-{last}" if last > first else str(first)
