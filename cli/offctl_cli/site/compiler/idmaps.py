"""Id-maps: from what should stay the same to lxc.idmap lines."""

from offctl.desired.idranges import DEFAULT, IDS, KINDS, PRIVILEGED, intended, joined
from offctl.desired.model import IdRange, Subid
from offctl_cli.site import key
from offctl_cli.site.compiler.notes import Notes
from offctl_cli.site.kinds import Default
from offctl_cli.site.tables.containers import Container, IdMap


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
    return intended(spans, idmap.shift)


def effective(container: Container, written: tuple[IdRange, ...] | None) -> tuple[IdRange, ...]:
    """The lines that hold inside PVE, also when none is written."""
    if written:
        return written
    return DEFAULT if container.unprivileged else PRIVILEGED


def granted(written: tuple[str, ...]) -> tuple[Subid, ...]:
    """What `subordinate_ids` says, for users and groups alike."""
    ranges = sorted(tuple(int(part) for part in text.split(":")) for text in written)
    return tuple(Subid(kind, start, count) for kind in KINDS for start, count in ranges)


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
    return [(start, end - 1) for start, end in joined([(a, b + 1) for a, b in spans])]
