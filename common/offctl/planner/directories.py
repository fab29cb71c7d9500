"""Directories: owner and mode of mountpoints and of the named directories inside datasets."""

from offctl.desired.model import Access, BindMount, Dataset, DesiredState
from offctl.observed import ObservedDirectory, ObservedState, Unknown
from offctl.planner import actions, pools, resources
from offctl.planner.draft import ABSENT, Draft
from offctl.planner.ledger import EXISTS
from offctl.planner.plan import Resource
from offctl.report import Difference

Seen = tuple[str, ObservedDirectory | Unknown | None]


def asked(desired: DesiredState) -> list[str]:
    """Every directory that a text speaks of: a host looks at these, and at no others."""
    found = set()
    for dataset in desired.datasets:
        found.add(dataset.mountpoint)
        found.update(f"{dataset.mountpoint}/{d.path}" for d in dataset.directories)
    for container in desired.containers:
        found.update(m.source for m in container.mounts if isinstance(m, BindMount))
    return sorted(found)


def plan(desired: DesiredState, observed: ObservedState, draft: Draft) -> None:
    """Plan every directory after its dataset, outer ones first. Never recursive."""
    if isinstance(observed.datasets, Unknown):
        return
    seen = dict(observed.directories)
    mounted = {d.name: d.mounted_at for d in observed.datasets}
    for dataset in sorted(desired.datasets, key=lambda d: d.name):
        if dataset.replica_of or dict(dataset.properties).get("canmount") == "off":
            continue
        if reason := pools.untouchable(dataset.name, observed):
            _unknown(dataset, reason, draft)
            continue
        is_mounted = mounted.get(dataset.name) == dataset.mountpoint
        _plan(dataset, "", dataset.access, is_mounted=is_mounted, seen=seen, draft=draft)
        for directory in sorted(dataset.directories, key=lambda d: d.path):
            _plan(
                dataset,
                directory.path,
                directory.access,
                is_mounted=is_mounted,
                seen=seen,
                draft=draft,
            )


def _unknown(dataset: Dataset, reason: str, draft: Draft) -> None:
    paths = [d.path for d in dataset.directories] + [""] * (dataset.access != Access())
    for path in sorted(paths):
        whole = f"{dataset.mountpoint}/{path}" if path else dataset.mountpoint
        draft.counts(resources.directory(whole))
        draft.unknown(resources.directory(whole), reason)


def _plan(
    dataset: Dataset,
    path: str,
    access: Access,
    *,
    is_mounted: bool,
    seen: dict[str, ObservedDirectory | Unknown | None],
    draft: Draft,
) -> None:
    if not path and access == Access():
        return
    whole = f"{dataset.mountpoint}/{path}" if path else dataset.mountpoint
    resource = resources.directory(whole)
    draft.counts(resource)
    # Below a dataset that is not mounted yet, whatever is there now is something else.
    there = seen.get(whole) if is_mounted else None
    requires = [resources.dataset(dataset.name).key]
    if path:
        outer = path.rpartition("/")[0]
        requires.append(
            resources.directory(
                f"{dataset.mountpoint}/{outer}" if outer else dataset.mountpoint
            ).key
        )
    if isinstance(there, Unknown):
        draft.unknown(resource, there.reason)
    elif there is None and path:
        draft.step(
            resource,
            "make",
            actions.MakeDirectory(dataset.name, dataset.mountpoint, path, access),
            differences=[Difference(EXISTS, ABSENT, "yes"), *_wanted(access)],
            requires=requires,
        )
    else:
        _plan_access(dataset, path, access, there, resource, requires, draft)


def _plan_access(
    dataset: Dataset,
    path: str,
    access: Access,
    there: ObservedDirectory | None,
    resource: Resource,
    requires: list[str],
    draft: Draft,
) -> None:
    if there is not None and path:
        draft.settled(resource, EXISTS, "yes")
    now = {} if there is None else {d.field: d.desired for d in _wanted(_as_access(there))}
    differences = []
    for wish in _wanted(access):
        if now.get(wish.field) == wish.desired:
            draft.settled(resource, wish.field, wish.desired)
        else:
            differences.append(Difference(wish.field, now.get(wish.field, ABSENT), wish.desired))
    if differences:
        draft.step(
            resource,
            "set owner and mode",
            actions.SetAccess(dataset.name, dataset.mountpoint, path, access),
            differences=differences,
            requires=requires,
        )


def _as_access(there: ObservedDirectory) -> Access:
    return Access(there.uid, there.gid, there.mode)


def _wanted(access: Access) -> list[Difference]:
    parts = (
        ("uid", None if access.uid is None else str(access.uid)),
        ("gid", None if access.gid is None else str(access.gid)),
        ("mode", None if access.mode is None else f"{access.mode:04o}"),
    )
    return [Difference(name, ABSENT, value) for name, value in parts if value is not None]
