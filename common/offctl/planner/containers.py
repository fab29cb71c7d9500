"""Containers: create what is missing, set what differs, start what should run; never destroy."""

from offctl.desired.model import BindMount, Container, DesiredState, Mode, RunState
from offctl.observed import Configuration, ObservedContainer, ObservedState, Unknown
from offctl.planner import (
    actions,
    changes,
    emptied,
    foreign,
    idmaps,
    mounts,
    networks,
    resources,
    running,
    services,
    settings,
    starting,
    subids,
)
from offctl.planner.changes import PROTECTION
from offctl.planner.draft import ABSENT, Draft
from offctl.planner.ledger import EXISTS
from offctl.report import Difference

GONE = (
    "it was here and is gone; restore it from a backup, or let offctl make a new one with "
    "`offctl-agent forget`"
)
CREATE = "create"  # PVE's lock on what is being made


def plan(desired: DesiredState, observed: ObservedState, draft: Draft) -> None:
    """Plan every container in the order it starts in, and tell of what else lives here."""
    if isinstance(observed.containers, Unknown):
        for container in desired.containers:
            _unknown(container, observed.containers.reason, draft)
        return
    found: dict[int, ObservedContainer] = {}
    unreadable: dict[int, Unknown] = {}
    for item in observed.containers:
        if isinstance(item, ObservedContainer):
            found[item.id] = item
        else:
            unreadable[item[0]] = item[1]
    for container in sorted(desired.containers, key=starting.place):
        if container.id in unreadable:
            _unknown(container, unreadable[container.id].reason, draft)
        else:
            _plan(container, found.get(container.id), desired, observed, draft)
    _others(desired, found, observed, draft)


def _unknown(container: Container, reason: str, draft: Draft) -> None:
    resource = resources.container(container.id, container.name)
    draft.counts(resource)
    draft.unknown(resource, reason)
    _count_mounts(container, draft)


def _count_mounts(container: Container, draft: Draft) -> None:
    for mount in container.mounts:
        draft.counts(resources.mount(container.id, mount.target, container.name))


def _plan(
    container: Container,
    there: ObservedContainer | None,
    desired: DesiredState,
    observed: ObservedState,
    draft: Draft,
) -> None:
    resource = resources.container(container.id, container.name)
    draft.counts(resource)
    audited = container.mode is Mode.AUDIT
    if there is None:
        _plan_creation(container, desired, observed, draft, audited=audited)
        return
    known = draft.ledger.entry(resource.key, EXISTS) is not None
    if is_half_made(there.configuration) and not known:
        # Nothing of it is settled: taken away by hand, it is made anew like one that never was.
        difference = Difference(EXISTS, "half made", "yes")
        draft.blocked(resource, "create", _half_made(container.id), [difference])
        _count_mounts(container, draft)
        return
    if reason := foreign.reason(container, there, draft.ledger):
        draft.blocked(resource, "adopt", reason, [Difference(EXISTS, "somebody else's", "yes")])
        _count_mounts(container, draft)
        return
    draft.settled(resource, EXISTS, "yes")
    services.tell(container, there, draft)
    if obstacle := _obstacle(there, observed):
        _plan_blocked(container, there, obstacle, draft)
        return
    mapped = idmaps.plan(container, there, draft, audited=audited)
    changing = changes.plan(container, there, draft, audited=audited)
    running.plan(
        container,
        there,
        draft,
        sources=sources(container, desired),
        emptied=emptied.reason(container, desired, observed, draft),
        audited=audited,
        mapped=mapped,
        changing=changing or (mapped and not idmaps.written(container, there)),
    )


def _obstacle(there: ObservedContainer, observed: ObservedState) -> str:
    lock = there.configuration.lock
    if lock:
        return (
            f"locked by PVE ({lock}); offctl goes on when that ends; when no task of PVE is at it "
            f"any more, `pct unlock {there.id}` is yours to run"
        )
    return observed.writable


def is_half_made(configuration: Configuration) -> bool:
    """Whether pct is at making it, or was killed at that: then there is no more than the lock."""
    return configuration.lock == CREATE and configuration.option("rootfs") is None


def _half_made(number: int) -> str:
    return (
        f"locked by PVE ({CREATE}): its creation goes on, or was killed and left half of it; when "
        f"`pgrep -af 'pct create {number}'` and the task log show none, take the half away with "
        f"`pct unlock {number}` and `pct destroy {number}`, and offctl makes it anew; look at the "
        "volume it may have left before you remove that"
    )


def _plan_blocked(
    container: Container, there: ObservedContainer, reason: str, draft: Draft
) -> None:
    """With a lock or without quorum nothing can change; say so only where something should."""
    resource = resources.container(container.id, container.name)
    found = settings.compare(container, there.configuration, draft, running=there.running)
    differences = [item.difference for item in found]
    if container.run is RunState.RUNNING and not there.running:
        differences.append(Difference(running.RUN, running.STOPPED, running.RUNNING))
    if differences:
        draft.blocked(resource, "set", reason, differences)


def sources(container: Container, desired: DesiredState) -> tuple[actions.Source, ...]:
    """What must be there before a start."""
    mountpoints = {dataset.name: dataset.mountpoint for dataset in desired.datasets}
    return tuple(
        actions.Source(mount.source, mount.dataset, mountpoints.get(mount.dataset, mount.source))
        for mount in container.mounts
        if isinstance(mount, BindMount)
    )


def _needs(container: Container, observed: ObservedState) -> list[str]:
    """Keys of the datasets and directories that the container's mounts show, and of its ids."""
    keys = []
    for mount in container.mounts:
        if isinstance(mount, BindMount):
            keys += resources.shown_by(mount)
    keys += subids.needed(container, observed)
    return list(dict.fromkeys(keys))


def _plan_creation(
    container: Container,
    desired: DesiredState,
    observed: ObservedState,
    draft: Draft,
    *,
    audited: bool,
) -> None:
    resource = resources.container(container.id, container.name)
    if reason := _no_creation(container, observed, draft):
        difference = Difference(EXISTS, ABSENT, "yes")
        draft.blocked(resource, "create", reason, [difference])
        _count_mounts(container, draft)
        return
    _create(container, observed, draft, audited=audited)
    if container.idmap:
        draft.step(
            resource,
            "set id-map",
            actions.SetIdmap(container.id, container.idmap, ()),
            differences=[
                Difference(
                    idmaps.FIELD,
                    idmaps.PVE_DEFAULT,
                    idmaps.describe(idmaps.texts(container.idmap)),
                )
            ],
            requires=subids.needed(container, observed),
            container=container.id,
            audited=audited,
        )
    _plan_first_mounts(container, observed, draft, audited=audited)
    if container.run is RunState.RUNNING:
        if reason := emptied.reason(container, desired, observed, draft):
            difference = Difference(running.RUN, running.STOPPED, running.RUNNING)
            draft.blocked(resource, "start", reason, [difference])
            return
        draft.step(
            resource,
            "start",
            actions.StartContainer(container.id, sources(container, desired)),
            differences=[Difference(running.RUN, running.STOPPED, running.RUNNING)],
            requires=_needs(container, observed),
            container=container.id,
            audited=audited,
        )


def _no_creation(container: Container, observed: ObservedState, draft: Draft) -> str:
    if observed.writable:
        return observed.writable
    if isinstance(observed.guests, Unknown):
        return f"cannot tell whether id {container.id} is free: {observed.guests.reason}"
    for number, kind, node in observed.guests:
        if number == container.id:
            what = "container" if kind == "lxc" else "virtual machine"
            return f"id {number} is a {what} on node {node}; choose another id or move it here"
    if draft.ledger.entry(resources.container(container.id).key, EXISTS) is not None:
        return GONE
    if len(container.mounts) > mounts.MAX_INDEX + 1:
        return f"pct holds {mounts.MAX_INDEX + 1} mounts, the site names {len(container.mounts)}"
    if not container.template:
        return "it does not exist, and the site names no template to create it from"
    return ""


def _create(container: Container, observed: ObservedState, draft: Draft, *, audited: bool) -> None:
    root = container.root
    extra = f",mountoptions={';'.join(root.mountoptions)}" if root.mountoptions else ""
    plain = tuple((k, v) for k, v in container.options if k != PROTECTION)
    nets = tuple((f"net{n.index}", networks.text(n, None)) for n in container.networks)
    differences = [Difference(EXISTS, ABSENT, "yes")]
    differences += [Difference(key, ABSENT, value) for key, value in plain]
    differences += [
        Difference(f"net{n.index}", ABSENT, networks.describe(n)) for n in container.networks
    ]
    draft.step(
        resources.container(container.id, container.name),
        "create",
        actions.CreateContainer(
            container.id,
            container.template,
            f"{root.storage}:{root.size_gib}{extra}",
            container.unprivileged,
            plain + nets,
        ),
        differences=differences,
        requires=subids.needed(container, observed),
        container=container.id,
        audited=audited,
    )


def _plan_first_mounts(
    container: Container, observed: ObservedState, draft: Draft, *, audited: bool
) -> None:
    indexes = mounts.place(container.mounts, [], set())
    resource = resources.container(container.id, container.name)
    keys = {f"mp{indexes[m.target]}": mounts.text(m, None) for m in container.mounts}
    _count_mounts(container, draft)
    differences = [
        Difference(settings.mount_field(m.target), ABSENT, mounts.describe(m))
        for m in container.mounts
    ]
    if dict(container.options).get(PROTECTION):
        keys[PROTECTION] = dict(container.options)[PROTECTION]
        differences.append(Difference(PROTECTION, ABSENT, keys[PROTECTION]))
    if keys:
        draft.step(
            resource,
            "set mounts",
            actions.SetContainer(
                container.id,
                options=changes.in_order(keys),
                delete=(),
                revert=(),
                before=tuple((key, "") for key in keys),
                protected=False,
            ),
            differences=differences,
            requires=_needs(container, observed),
            container=container.id,
            audited=audited,
        )


def _others(
    desired: DesiredState,
    found: dict[int, ObservedContainer],
    observed: ObservedState,
    draft: Draft,
) -> None:
    wanted = {container.id for container in desired.containers}
    declared = set(desired.unmanaged)
    if not isinstance(observed.guests, Unknown):
        for number, kind, node in observed.guests:
            if kind != "lxc" and node == desired.host and str(number) not in declared:
                draft.unmanaged(resources.guest(number, kind), "not managed by offctl")
    for number in sorted(found):
        if number in wanted:
            continue
        resource = resources.container(number)
        if draft.ledger.entry(resource.key, EXISTS) is not None:
            draft.orphan(resource, "left the text; it stays as it is")
        elif str(number) not in declared:
            draft.unmanaged(resources.guest(number, "lxc"), "not in the text")
