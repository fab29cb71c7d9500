"""Id-maps: from what should stay the same to lxc.idmap lines, and from an inner id to the host's.

Every line maps `count` ids from `inside` on, so the line that ends before id 1000 has the count
1000: 0 to 999. With 999 there, id 999 would belong to nobody.
"""

from offctl.desired.model import IdRange, Subid
from offctl_cli.site import key
from offctl_cli.site.compiler.notes import Notes
from offctl_cli.site.kinds import Default
from offctl_cli.site.tables.containers import Container, IdMap

IDS = 65536
SHIFT = 100000  # PVE's own, when an unprivileged container has no lxc.idmap line
KINDS = ("u", "g")

DEFAULT_LINES = tuple(IdRange(kind, 0, SHIFT, IDS) for kind in KINDS)
PRIVILEGED_LINES = tuple(IdRange(kind, 0, 0, 2**32 - 1) for kind in KINDS)
DEFAULT_SUBIDS = tuple(Subid(kind, SHIFT, IDS) for kind in KINDS)


def lines(
    idmap: IdMap | Default | None, path: key.Path, notes: Notes
) -> tuple[IdRange, ...] | None:
    """The lxc.idmap lines, ascending; empty when none may exist, None when not ours."""
    if idmap is None:
        return None
    if idmap is Default.DEFAULT:
        return ()
    if idmap.lines:
        if idmap.identity:
            text = f"{key.shown(path)} has both lines and identity"
            notes.complain("idmap", path, text, "write the intent or the lines, not both")
        return tuple(_line(text) for text in idmap.lines)
    spans = _spans(idmap.identity, path, notes)
    ranges: list[IdRange] = []
    for first, last, outside in _covered(spans, idmap.shift):
        ranges += [IdRange(kind, first, outside, last - first + 1) for kind in KINDS]
    return tuple(ranges)


def effective(container: Container, written: tuple[IdRange, ...] | None) -> tuple[IdRange, ...]:
    """The lines that hold inside PVE, also when none is written."""
    if written:
        return written
    return DEFAULT_LINES if container.unprivileged else PRIVILEGED_LINES


def on_host(ranges: tuple[IdRange, ...], kind: str, inside: int) -> int | None:
    """The host's id for a container's; None when it is not mapped."""
    for each in ranges:
        if each.kind == kind and each.inside <= inside < each.inside + each.count:
            return each.outside + inside - each.inside
    return None


def granted(written: tuple[str, ...]) -> tuple[Subid, ...]:
    """What `subordinate_ids` says, for users and groups alike."""
    ranges = sorted(tuple(int(part) for part in text.split(":")) for text in written)
    return tuple(Subid(kind, start, count) for kind in KINDS for start, count in ranges)


def needed(every: list[tuple[IdRange, ...]]) -> tuple[Subid, ...]:
    """The least ranges that root must be granted for these id-maps, neighbours joined."""
    spans = {kind: [(SHIFT, SHIFT + IDS)] for kind in KINDS}
    for ranges in every:
        for each in ranges:
            spans[each.kind].append((each.outside, each.outside + each.count))
    return tuple(
        Subid(kind, start, end - start) for kind in KINDS for start, end in _joined(spans[kind])
    )


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _line(text: str) -> IdRange:
    kind, inside, outside, count = text.split()
    return IdRange(kind, int(inside), int(outside), int(count))


def _spans(identity: tuple[str, ...], path: key.Path, notes: Notes) -> list[tuple[int, int]]:
    spans = []
    for index, text in enumerate(identity):
        first, _, last = text.partition("-")
        span = (int(first), int(last or first))
        if span[0] > span[1] or span[1] >= IDS:
            at: key.Path = (*path, "identity", index)
            said = f"{key.shown(at)} must rise and end by {IDS - 1}, not {text}"
            notes.complain("idmap", at, said)
            continue
        spans.append(span)
    return [(start, end - 1) for start, end in _joined([(a, b + 1) for a, b in spans])]


def _covered(spans: list[tuple[int, int]], shift: int) -> list[tuple[int, int, int]]:
    """First and last id inside, and the first on the host, so that all 65536 are mapped."""
    covered = []
    free = 0
    for first, last in spans:
        if first > free:
            covered.append((free, first - 1, shift + free))
        covered.append((first, last, first))
        free = last + 1
    if free < IDS:
        covered.append((free, IDS - 1, shift + free))
    return covered
