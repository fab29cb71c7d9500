"""From a survey to what the host would be asked to be, so that it is that already.

Built twice: a first time to know what has to be looked at closely, and then with that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
import ipaddress

from offctl.desired import addresses, idranges, names
from offctl.desired.model import (
    Access,
    BindMount,
    Container,
    Dataset,
    DesiredState,
    Directory,
    Mode,
    TunnelEnd,
)
from offctl.observed import ObservedContainer, ObservedDirectory, ObservedState, Unknown
from offctl_agent.adopt import containers, datasets, logical, mounts, tunnels
from offctl_agent.adopt.containers import Choosing
from offctl_agent.adopt.datasets import Chosen
from offctl_agent.adopt.left import Lefts
from offctl_agent.adopt.mounts import Ground
from offctl_agent.adopt.options import Word
from offctl_agent.adopt.survey import Survey

# What the compiler says of a host of which nobody wrote it.
SOAK = 600
# What ZFS and mkdir give; nobody has to say it.
_USUAL_MODE = 0o755


@dataclass(frozen=True, slots=True)
class Built:
    """What is taken over: the host's state as a site would ask for it, and the words for it."""

    desired: DesiredState
    words: Mapping[int, Mapping[str, Word]]
    storage: Mapping[str, str]
    ground: Ground


def build(survey: Survey, lefts: Lefts, *, closely: bool) -> Built:
    """Everything that can be said of the host; `closely`: its directories were looked at."""
    state = survey.state
    chosen = _datasets(survey, lefts)
    found = () if isinstance(state.datasets, Unknown) else state.datasets
    taken = {dataset.name: dataset for dataset in chosen.datasets}
    ground = Ground(found, taken, chosen.storage)
    every = _containers(survey, ground, lefts)
    here = [each.container for each in every]
    if closely:
        here = [_shown(container, state, lefts) for container in here]
        here = [mounts.unshadowed(container, ground, lefts) for container in here]
    called = {container.id: container.name for container in here}
    ends = _tunnels(survey, called, here, lefts)
    kept = _needed(chosen, here, survey.only)
    words = {each.container.id: each.words for each in every}
    desired = DesiredState(
        site=survey.host,
        host=survey.host,
        mode=Mode.AUDIT,
        soak=SOAK,
        pools=() if isinstance(state.pools, Unknown) else tuple(sorted(p for p, _ in state.pools)),
        unmanaged=_unmanaged(survey, called, chosen),
        datasets=_named(kept, here, state, closely=closely),
        containers=tuple(here),
        tunnels=ends,
    )
    return Built(with_subids(desired), words, chosen.storage, ground)


def with_subids(desired: DesiredState) -> DesiredState:
    """What the compiler asks to be granted for the containers that are there."""
    if not any(each.unprivileged or each.idmap for each in desired.containers):
        return replace(desired, subids=())
    return replace(desired, subids=idranges.needed([c.idmap or () for c in desired.containers]))


def _datasets(survey: Survey, lefts: Lefts) -> Chosen:
    state = survey.state
    for what, seen in (
        ("datasets", state.datasets),
        ("pools", state.pools),
        ("subordinate ids", state.subids),
        ("virtual machines", state.guests),
    ):
        if isinstance(seen, Unknown):
            lefts.unread(what, seen.reason)
    for pool, reason in state.unready:
        lefts.unread(f"pool {pool}", reason)
    if isinstance(survey.storages, Unknown):
        lefts.unread("PVE's storages", survey.storages.reason)
    if isinstance(state.datasets, Unknown) or isinstance(state.pools, Unknown):
        return Chosen((), {}, ())
    storages = {} if isinstance(survey.storages, Unknown) else survey.storages
    pools = frozenset(pool for pool, _ in state.pools if names.POOL.fullmatch(pool))
    return datasets.choose(state.datasets, pools, storages, lefts)


def _containers(survey: Survey, ground: Ground, lefts: Lefts) -> list[containers.Taken]:
    state = survey.state
    if isinstance(state.containers, Unknown):
        lefts.unread("containers", state.containers.reason)
        return []
    granted = () if isinstance(state.subids, Unknown) else state.subids
    choosing = Choosing(ground, granted, lefts, {}, set())
    taken = []
    here = {c.id if isinstance(c, ObservedContainer) else c[0] for c in state.containers}
    for number in sorted(survey.only - here):
        lefts.absent(f"container {number}")
    for item in state.containers:
        number = item.id if isinstance(item, ObservedContainer) else item[0]
        if survey.only and number not in survey.only:
            continue
        if not isinstance(item, ObservedContainer):
            lefts.unread(f"container {number}", item[1].reason)
            continue
        one = choosing.take(item)
        if one is not None:
            taken.append(one)
    return taken


def _shown(container: Container, state: ObservedState, lefts: Lefts) -> Container:
    """Without the mounts whose directory is not there, or is not a directory."""
    seen = dict(state.directories)
    kept = []
    for mount in container.mounts:
        found = seen.get(mount.source) if isinstance(mount, BindMount) else None
        if isinstance(mount, BindMount) and not isinstance(found, ObservedDirectory):
            reason = found.reason if isinstance(found, Unknown) else f"there is no {mount.source}"
            lefts.hazard(f"container {container.id} {container.name}: {mount.target}", reason)
        else:
            kept.append(mount)
    return replace(container, mounts=tuple(kept))


def _needed(chosen: Chosen, here: Iterable[Container], only: frozenset[int]) -> tuple[Dataset, ...]:
    """The datasets to speak of: all, or those that some containers show, and what is above."""
    if not only:
        return chosen.datasets
    wanted: set[str] = set()
    for container in here:
        shown = [m.dataset for m in container.mounts if isinstance(m, BindMount)]
        stored = [
            chosen.storage[storage]
            for storage in (container.root.storage, *_storages(container))
            if storage in chosen.storage
        ]
        for name in (*shown, *stored):
            parts = name.split("/")
            wanted.update("/".join(parts[:length]) for length in range(1, len(parts) + 1))
    return tuple(dataset for dataset in chosen.datasets if dataset.name in wanted)


def _storages(container: Container) -> list[str]:
    return [m.storage for m in container.mounts if not isinstance(m, BindMount)]


def _named(
    kept: Iterable[Dataset], here: Iterable[Container], state: ObservedState, *, closely: bool
) -> tuple[Dataset, ...]:
    """With logical names, owners, and the directories that containers show."""
    used: dict[str, set[str]] = {}
    for container in here:
        for mount in container.mounts:
            if isinstance(mount, BindMount):
                used.setdefault(mount.dataset, set()).add(mount.subdirectory)
    listed = tuple(kept)
    called = logical.called([dataset.name for dataset in listed], used)
    seen = dict(state.directories) if closely else {}
    named = []
    for dataset in listed:
        paths = sorted(used.get(dataset.name, set()) - {""}, key=lambda path: path.split("/"))
        access = _access(seen.get(dataset.mountpoint))
        apart = dict(dataset.properties).get("canmount") == "off"
        if apart or (dataset.name not in used and access == Access(0, 0)):
            access = Access()
        inner = tuple(
            Directory(path, _access(seen.get(f"{dataset.mountpoint}/{path}"))) for path in paths
        )
        named.append(
            replace(dataset, logical=called[dataset.name], access=access, directories=inner)
        )
    return tuple(sorted(named, key=lambda each: (each.name.split("/"), each.logical)))


def _access(found: ObservedDirectory | Unknown | None) -> Access:
    if not isinstance(found, ObservedDirectory):
        return Access()
    bits = found.mode & 0o7777
    mode = None if bits == _USUAL_MODE else bits
    if max(found.uid, found.gid) > 999_999_999:
        return Access(mode=mode)
    return Access(found.uid, found.gid, mode)


def _tunnels(
    survey: Survey, called: Mapping[int, str], here: Iterable[Container], lefts: Lefts
) -> tuple[TunnelEnd, ...]:
    if isinstance(survey.stunnels, Unknown):
        lefts.unread("stunnel", survey.stunnels.reason)
        return ()
    found = survey.stunnels
    if survey.only:
        found = tuple(each for each in found if each.container in survey.only)
    ends = tunnels.choose(found, survey.host, called, lefts)
    own = {container.id: _addresses(container) for container in here}
    lost = set()
    for end in ends:
        at = end.accept.rpartition(":")[0]
        there = own.get(end.container)
        if end.role != "client" or not there or addresses.complaint(at) or at in there:
            continue
        if not ipaddress.ip_address(at).is_loopback:
            lost.add((end.container, end.instance))
            what = f"stunnel {end.instance} of {called.get(end.container, survey.host)}"
            lefts.leave(what, f"it listens at {at}, on an interface that is not taken over")
    return tuple(end for end in ends if (end.container, end.instance) not in lost)


def _addresses(container: Container) -> set[str]:
    return {
        value.partition("/")[0]
        for network in container.networks
        for key, value in network.options
        if key in ("ip", "ip6") and "/" in value
    }


def _unmanaged(survey: Survey, called: Mapping[int, str], chosen: Chosen) -> tuple[str, ...]:
    """As the compiler orders it: guests by number, then datasets by name."""
    if survey.only:
        return ()
    state = survey.state
    guests: set[int] = set()
    if not isinstance(state.containers, Unknown):
        every = (c.id if isinstance(c, ObservedContainer) else c[0] for c in state.containers)
        guests.update(number for number in every if number not in called)
    if not isinstance(state.guests, Unknown):
        guests.update(n for n, kind, node in state.guests if kind != "lxc" and node == survey.host)
    numbers = tuple(str(number) for number in sorted(guests) if 100 <= number <= 999_999_999)
    return numbers + chosen.unmanaged
