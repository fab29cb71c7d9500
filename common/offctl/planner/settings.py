"""What `pct set` must change on one container: options, interfaces and mount points together.

Compares with what the file will say after the next restart (pending values merged in), so that a
change that already waits is not asked for twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
import re

from offctl import errors
from offctl.desired.model import Container, Mount
from offctl.observed import Configuration
from offctl.planner import mounts, networks, options, resources
from offctl.planner.draft import ABSENT, Draft
from offctl.report import Difference

DEFAULT = "default"
# How a step that sets what a running container takes up at its next start is called.
AFTER_RESTART = "set (in effect after a restart)"
# PVE takes interfaces above this number away at the next start only.
LAST_UNPLUGGED = 9

_NETWORK = re.compile(r"net\d+")
# Interfaces and mounts are known by what they are, never by what stands under a number.
_NUMBERED = re.compile(r"(?:net|mp|unused)\d+")


@dataclass(slots=True)
class Change:
    """One field of the container, and the pct keys that carry it."""

    difference: Difference
    options: dict[str, str] = field(default_factory=dict)
    delete: tuple[str, ...] = ()
    revert: tuple[str, ...] = ()
    waits: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A difference that no `pct set` can remove."""

    difference: Difference
    reason: str


Result = Iterator[Change | Obstacle]


def compare(container: Container, now: Configuration, draft: Draft, *, running: bool) -> Result:
    """Every change that makes `now` what `container` asks for; settles what already is."""
    yield from _options(container, now, draft, running=running)
    yield from _networks(container, now, draft, running=running)
    yield from _mounts(container, now, draft, running=running)


def _options(container: Container, now: Configuration, draft: Draft, *, running: bool) -> Result:
    resource = resources.container(container.id, container.name)
    coming = dict(mounts.merged(now))
    for key, value in container.options:
        active = now.option(key)
        if options.same(key, value, coming.get(key)):
            if options.same(key, value, active):
                draft.settled(resource, key, value)
            continue
        difference = Difference(key, active or ABSENT, value)
        if options.same(key, value, active):
            yield Change(difference, revert=(key,))
        else:
            waits = running and options.waits_for_restart(key)
            yield Change(difference, {key: value}, waits=waits)
    yield from _unprivileged(container, now, draft)
    yield from _defaults(container, now, draft, running=running)


def _unprivileged(container: Container, now: Configuration, draft: Draft) -> Result:
    resource = resources.container(container.id, container.name)
    desired = "1" if container.unprivileged else "0"
    if options.same("unprivileged", desired, now.option("unprivileged") or "0"):
        draft.settled(resource, "unprivileged", desired)
        return
    yield Obstacle(
        Difference("unprivileged", now.option("unprivileged") or "0", desired),
        "PVE cannot change it after creation; back up and restore the container by hand",
    )


def _defaults(container: Container, now: Configuration, draft: Draft, *, running: bool) -> Result:
    """Keys that must be absent, and keys of ours that left the text."""
    resource = resources.container(container.id, container.name)
    coming = dict(mounts.merged(now))
    written = {key for key, _ in container.options} | {"unprivileged", "rootfs"}
    leaving = [
        key
        for key, entry in draft.ledger.fields(resource.key).items()
        if entry.ours
        and key not in written
        and key not in container.defaults
        and key not in options.UNDELETABLE
        and re.fullmatch(r"[a-z]+\d*", key)
        and not _NUMBERED.fullmatch(key)
        and key in coming
        and options.same(key, entry.value, coming[key])
    ]
    for key in (*container.defaults, *leaving):
        if key not in coming:
            draft.settled(resource, key, DEFAULT)
        elif key in options.UNDELETABLE:
            reason = f"PVE cannot delete {key}; write the value it should have"
            yield Obstacle(Difference(key, coming[key], DEFAULT), reason)
        else:
            waits = running and options.waits_for_restart(key)
            yield Change(Difference(key, coming[key], DEFAULT), delete=(key,), waits=waits)


def _networks(container: Container, now: Configuration, draft: Draft, *, running: bool) -> Result:
    resource = resources.container(container.id, container.name)
    coming = dict(mounts.merged(now))
    for network in container.networks:
        key = f"net{network.index}"
        present = coming.get(key)
        wish = networks.describe(network)
        if present is not None and networks.same(network, present):
            draft.settled(resource, key, wish)
        else:
            before = ABSENT if present is None else networks.describe_text(network, present)
            yield Change(Difference(key, before, wish), {key: networks.text(network, present)})
    wanted = {f"net{network.index}" for network in container.networks}
    for key, entry in draft.ledger.fields(resource.key).items():
        leaves = entry.ours and _NETWORK.fullmatch(key) and key not in wanted and key in coming
        if leaves and networks.still(entry.value, coming[key]):
            waits = running and int(key[3:]) > LAST_UNPLUGGED
            yield Change(Difference(key, entry.value, ABSENT), delete=(key,), waits=waits)


def _mounts(container: Container, now: Configuration, draft: Draft, *, running: bool) -> Result:
    for mount in container.mounts:
        draft.counts(resources.mount(container.id, mount.target, container.name))
    lines, broken = mounts.lines(mounts.merged(now))
    by_target = {line.target: line for line in lines}
    twins = [line for line in lines if by_target[line.target] is not line and _is_volume(line)]
    active = {line.index for line in mounts.lines(now.options)[0]}
    # Numbers that only look free: unreadable, in effect until a restart, or a volume's.
    reserved = {int(key[2:]) for key in broken} | (active - {line.index for line in lines})
    reserved |= {line.index for line in twins}
    try:
        indexes = mounts.place(container.mounts, lines, reserved)
    except errors.MalformedError as error:
        yield Obstacle(
            Difference("mounts", str(len(lines)), str(len(container.mounts))), str(error)
        )
        return
    for mount in container.mounts:
        line, index = by_target.get(mount.target), indexes[mount.target]
        yield from _mount(container, mount, line, index, now, draft, waits=running)
    yield from _vacated([line for line in lines if line not in twins], indexes, running=running)
    for line in twins:
        draft.unmanaged(
            resources.mount(container.id, line.target, container.name),
            f"mp{line.index} is a second line for it, hidden by mp{by_target[line.target].index}",
        )
    yield from _left(container, lines, draft, running=running)


def _mount(
    container: Container,
    mount: Mount,
    line: mounts.Line | None,
    index: int,
    now: Configuration,
    draft: Draft,
    *,
    waits: bool,
) -> Result:
    key, field_name = f"mp{index}", mount_field(mount.target)
    difference = Difference(field_name, _before(line, index), mounts.describe(mount))
    if line is not None:
        if reason := mounts.obstacle(mount, line):
            yield Obstacle(difference, reason)
            return
        resized = mounts.resized(mount, line)
        if resized:
            why = "offctl resizes no volume; use pct resize, or write the size it has"
            yield Obstacle(difference, why)
        if line.index == index and mounts.same(mount, line):
            if now.option(key) == line.text and not resized:
                draft.settled(resources.container(container.id), field_name, difference.desired)
            return
    yield Change(
        difference,
        {key: mounts.text(mount, line)},
        waits=waits and now.option(key) is not None,
        source=getattr(mount, "source", ""),
    )


def _is_volume(line: mounts.Line) -> bool:
    return not line.parts.get("volume", "").startswith("/")


def mount_field(target: str) -> str:
    """How a mount is called as a field of its container."""
    return f"mount {target}"


def _before(line: mounts.Line | None, index: int) -> str:
    if line is None:
        return ABSENT
    place = "" if line.index == index else f" (as mp{line.index}, which its parent would hide)"
    return mounts.describe_line(line) + place


def _vacated(lines: list[mounts.Line], indexes: dict[str, int], *, running: bool) -> Result:
    """The old numbers of mounts that had to move behind their parent."""
    taken = set(indexes.values())
    for line in lines:
        if indexes.get(line.target, line.index) != line.index and line.index not in taken:
            difference = Difference(f"mp{line.index}", mounts.describe_line(line), ABSENT)
            yield Change(difference, delete=(f"mp{line.index}",), waits=running)


def _left(container: Container, lines: list[mounts.Line], draft: Draft, *, running: bool) -> Result:
    """Mounts that are not in the text: ours go (the line, never the data), others are told of."""
    wanted = {mount.target for mount in container.mounts}
    key = resources.container(container.id).key
    for line in lines:
        if line.target in wanted:
            continue
        resource = resources.mount(container.id, line.target, container.name)
        entry = draft.ledger.entry(key, mount_field(line.target))
        now = mounts.describe_line(line)
        if entry is not None and entry.ours and not _is_volume(line) and entry.value == now:
            difference = Difference(mount_field(line.target), now, ABSENT)
            yield Change(difference, delete=(f"mp{line.index}",), waits=running)
        elif entry is not None:
            draft.orphan(resource, "left the text; the line stays as it is")
        else:
            draft.unmanaged(resource, f"mp{line.index} is not in the text")
