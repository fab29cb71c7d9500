"""Subordinate ids: what root may map into containers is only ever extended."""

from collections.abc import Iterable

from offctl.desired import idranges
from offctl.desired.model import Container, DesiredState, IdRange, Subid
from offctl.observed import ObservedState, Unknown
from offctl.planner import actions, resources
from offctl.planner.draft import ABSENT, Draft
from offctl.report import Difference


def plan(desired: DesiredState, observed: ObservedState, draft: Draft) -> None:
    """Grant each desired range that the present ones do not already cover."""
    if not desired.subids:
        return
    resource = resources.subids()
    draft.counts(resource)
    if isinstance(observed.subids, Unknown):
        draft.unknown(resource, observed.subids.reason)
        return
    missing = []
    for wish in desired.subids:
        if covered(wish, observed.subids):
            draft.settled(resource, _field(wish), "granted")
        else:
            missing.append(wish)
    if missing:
        draft.step(
            resource,
            "grant",
            actions.GrantSubids(tuple(missing)),
            differences=[Difference(_field(wish), ABSENT, "granted") for wish in missing],
        )


def needed(container: Container, observed: ObservedState) -> list[str]:
    """The key of the grant, for what has to wait for it: an id-map of which root may not map all.

    A grant that fails is no reason against what maps only what is granted already.
    """
    if not isinstance(observed.subids, Unknown):
        ranges = (Subid(r.kind, r.outside, r.count) for r in _mapped(container))
        if all(covered(each, observed.subids) for each in ranges):
            return []
    return [resources.subids().key]


def _mapped(container: Container) -> Iterable[IdRange]:
    """What a container that is made anew maps: first PVE's own, to be unpacked."""
    return (*(idranges.DEFAULT if container.unprivileged else ()), *(container.idmap or ()))


def _field(wish: Subid) -> str:
    return f"{'uid' if wish.kind == 'u' else 'gid'} {wish.start}:{wish.count}"


def covered(wish: Subid, granted: tuple[tuple[str, int, int], ...]) -> bool:
    """newuidmap(1) wants each map entry inside one granted range, not merely inside their union."""
    return any(
        kind == wish.kind and start <= wish.start and wish.start + wish.count <= start + count
        for kind, start, count in granted
    )
