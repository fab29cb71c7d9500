"""The id-map of a container: raw lxc.idmap lines, changed only where no file changes hands."""

import re

from offctl.desired.model import Container, IdRange
from offctl.observed import Configuration, ObservedContainer
from offctl.planner import actions, resources
from offctl.planner.draft import Draft
from offctl.report import Difference

FIELD = "idmap"
PVE_DEFAULT = "PVE's default"
_NUMBER = re.compile(r"[0-9]{1,10}")
# What PVE generates for an unprivileged container without lxc.idmap lines.
DEFAULT_LINES = ("u 0 100000 65536", "g 0 100000 65536")


def lines(configuration: Configuration) -> tuple[str, ...]:
    """The id-map lines of a file, spaces unified."""
    return tuple(" ".join(v.split()) for key, v in configuration.raw if key == "lxc.idmap")


def texts(ranges: tuple[IdRange, ...]) -> tuple[str, ...]:
    """The lines that say `ranges`."""
    return tuple(f"{r.kind} {r.inside} {r.outside} {r.count}" for r in ranges)


def describe(written: tuple[str, ...]) -> str:
    """One text for a set of lines; their order means nothing."""
    return ", ".join(sorted(written, key=_order)) or PVE_DEFAULT


def plan(container: Container, there: ObservedContainer, draft: Draft, *, audited: bool) -> bool:
    """Plan the lines; True when they are right already or will be after this plan.

    On an existing container the lines may only return to what this host already ran with (the
    ledger knows): any other change would give its files to other users.
    """
    if container.idmap is None:
        return True
    resource = resources.container(container.id, container.name)
    wish, now = describe(texts(container.idmap)), describe(lines(there.configuration))
    if wish == now:
        draft.settled(resource, FIELD, wish)
        return True
    difference = Difference(FIELD, now, wish)
    remembered = draft.ledger.entry(resource.key, FIELD)
    never_started = draft.ledger.entry(resource.key, "started") is None
    created = draft.ledger.ours(resource.key, "exists")
    if (remembered is not None and remembered.value == wish) or (created and never_started):
        draft.step(
            resource,
            "set id-map",
            actions.SetIdmap(container.id, container.idmap, lines(there.configuration)),
            differences=[difference],
            requires=[resources.subids().key],
            container=container.id,
            audited=audited,
        )
        return True
    reason = "its files would change hands; recreate the container, or convert it by hand"
    draft.blocked(resource, "set id-map", reason, [difference])
    return False


def written(container: Container, there: ObservedContainer) -> bool:
    """Whether the file says what is asked for."""
    if container.idmap is None:
        return True
    return describe(texts(container.idmap)) == describe(lines(there.configuration))


def in_effect(container: Container, there: ObservedContainer) -> bool:
    """Whether a running container runs with the lines its file says."""
    if container.idmap is None or there.effective is None or not container.unprivileged:
        return True
    found = lines(there.configuration) or DEFAULT_LINES
    return describe(found) == describe(there.effective.idmap)


def _order(line: str) -> tuple[bool, int]:
    """User ids first, then by id; a line that LXC could not read either comes last."""
    kind, inside, *_ = (*line.split(), "", "")
    return kind != "u", int(inside) if _NUMBER.fullmatch(inside) else 1 << 32
