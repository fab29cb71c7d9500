"""Id-maps as ranges of ids, and what they come to: the same for who compiles and who adopts.

Every range maps `count` ids from `inside` on, so the one that ends before id 1000 has the count
1000: 0 to 999. With 999 there, id 999 would belong to nobody.
"""

from collections.abc import Iterable

from offctl.desired.model import IdRange, Subid

IDS = 65536
SHIFT = 100000  # PVE's own, when an unprivileged container has no lxc.idmap line
KINDS = ("u", "g")

DEFAULT = tuple(IdRange(kind, 0, SHIFT, IDS) for kind in KINDS)
PRIVILEGED = tuple(IdRange(kind, 0, 0, 2**32 - 1) for kind in KINDS)


def intended(spans: Iterable[tuple[int, int]], shift: int) -> tuple[IdRange, ...]:
    """All 65536 ids, users and groups in turn: `spans` (first and last) as they are, others moved.

    The spans ascend and do not touch.
    """
    made: list[IdRange] = []
    free = 0
    for first, last in (*spans, (IDS, IDS)):
        if first > free:
            made += [IdRange(kind, free, shift + free, first - free) for kind in KINDS]
        if first < IDS:
            made += [IdRange(kind, first, first, last - first + 1) for kind in KINDS]
        free = last + 1
    return tuple(made)


def on_host(ranges: tuple[IdRange, ...], kind: str, inside: int) -> int | None:
    """The host's id for a container's; None when it is not mapped."""
    for each in ranges:
        if each.kind == kind and each.inside <= inside < each.inside + each.count:
            return each.outside + inside - each.inside
    return None


def in_container(ranges: tuple[IdRange, ...], kind: str, outside: int) -> int | None:
    """The container's id for one of the host's; None when none is mapped to it."""
    for each in ranges:
        if each.kind == kind and each.outside <= outside < each.outside + each.count:
            return each.inside + outside - each.outside
    return None


def needed(every: Iterable[tuple[IdRange, ...]]) -> tuple[Subid, ...]:
    """The least ranges that root must be granted for these id-maps, neighbours joined."""
    spans = {kind: [(SHIFT, SHIFT + IDS)] for kind in KINDS}
    for ranges in every:
        for each in ranges:
            spans[each.kind].append((each.outside, each.outside + each.count))
    return tuple(
        Subid(kind, start, end - start) for kind in KINDS for start, end in joined(spans[kind])
    )


def joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans (first, and the first after), ascending, where they touch made one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
