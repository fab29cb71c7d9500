"""How a property stands on its host, from what the host observed last. Pure.

Two layers beside what is desired: configured (written on the host) and running (in effect).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from offctl.desired.facts import Resource
from offctl.desired.model import DesiredState, TunnelEnd
from offctl.observed import (
    ObservedContainer,
    ObservedDataset,
    ObservedDirectory,
    ObservedInstance,
    ObservedState,
    Unknown,
)
from offctl.planner import datasets, idmaps, mounts, plan, resources, settings

ABSENT = "absent"
# What a dataset is asked for and its directory has.
_ACCESS = ("uid", "gid", "mode")
NOT_RUNNING = "the container does not run"
NOT_SEEN = "not observed"


@dataclass(frozen=True, slots=True)
class Standing:
    """Each layer in words; empty where there is no such layer."""

    configured: str = ""
    running: str = ""


def of(resource: Resource, name: str, state: DesiredState, observed: ObservedState) -> Standing:
    """How one property stands."""
    kind, identity = resource
    match kind:
        case "dataset":
            return _dataset(identity, name, state, observed)
        case "directory":
            return _directory(identity, name, state, observed)
        case "container" | "mount" | "network":
            return _in_container(kind, identity, name, state, observed)
        case "tunnel":
            return _tunnel(identity, name, state, observed)
        case _:
            return Standing()


def fields(resource: Resource, name: str, state: DesiredState) -> tuple[plan.Resource, str]:
    """What plans, events and the ledger call it: the resource, and a field of it (empty: all).

    Containers may have been called otherwise: their label is without a name.
    """
    kind, identity = resource
    number, _, rest = identity.partition(":")
    match kind:
        case "container":
            return resources.container(int(number)), name
        case "mount":
            return resources.container(int(number)), settings.mount_field(rest)
        case "network":
            found = [
                network.index
                for container in state.containers
                for network in container.networks
                if str(container.id) == number and network.name == rest
            ]
            return resources.container(int(number)), f"net{found[0]}" if found else ""
        case "dataset" if name in _ACCESS:
            return resources.directory(_mountpoint(identity, state)), name
        case "dataset":
            return resources.dataset(identity), datasets.MOUNTED if name == "mountpoint" else name
        case "directory":
            return resources.directory(f"{_mountpoint(number, state)}/{rest}"), name
        case "tunnel" if (end := _end(identity, state)) is not None:
            return resources.stunnel(end.container, end.instance), ""
        case _:
            return plan.Resource(f"{kind} {identity}", f"{kind} {identity}"), name


def _mountpoint(dataset: str, state: DesiredState) -> str:
    return next((each.mountpoint for each in state.datasets if each.name == dataset), "")


def _end(identity: str, state: DesiredState) -> TunnelEnd | None:
    """The ends of all generations are in one instance."""
    tunnel, _, rest = identity.partition("/")
    role = rest.partition(" ")[0]
    return next((e for e in state.tunnels if (e.name, e.role) == (tunnel, role)), None)


def _dataset(identity: str, name: str, state: DesiredState, observed: ObservedState) -> Standing:
    if isinstance(observed.datasets, Unknown):
        return Standing(f"unknown: {observed.datasets.reason}")
    there = next((each for each in observed.datasets if each.name == identity), None)
    if name in _ACCESS:
        place = _mountpoint(identity, state)
        # What shows at the mountpoint of another one is not its own.
        if there is None or there.mounted_at != place:
            return Standing(ABSENT if there is None else "not mounted")
        return _at(place, name, observed)
    if there is None:
        return Standing(ABSENT, "not mounted" if name == "mountpoint" else "")
    return Standing(_property(there, name), _mounted(there) if name == "mountpoint" else "")


def _property(there: ObservedDataset, name: str) -> str:
    if name in ("logical", "replica_of", "audit"):
        return ""
    found = there.property(name)
    return f"{found.value} ({found.source})" if found is not None else "not known to this ZFS"


def _mounted(there: ObservedDataset) -> str:
    return f"shows at {there.mounted_at}" if there.mounted_at else "not mounted, or hidden"


def _directory(identity: str, name: str, state: DesiredState, observed: ObservedState) -> Standing:
    dataset, _, path = identity.partition(":")
    return _at(f"{_mountpoint(dataset, state)}/{path}", name, observed)


def _at(whole: str, name: str, observed: ObservedState) -> Standing:
    seen = dict(observed.directories)
    if whole not in seen:
        return Standing(NOT_SEEN)
    there = seen[whole]
    if isinstance(there, Unknown):
        return Standing(f"unknown: {there.reason}")
    if not isinstance(there, ObservedDirectory):
        return Standing(ABSENT)
    values = {"uid": str(there.uid), "gid": str(there.gid), "mode": f"{there.mode:04o}"}
    return Standing(values.get(name, "yes"))


def _in_container(
    kind: str, identity: str, name: str, state: DesiredState, observed: ObservedState
) -> Standing:
    number, _, rest = identity.partition(":")
    there = _container(int(number), observed)
    if isinstance(there, Unknown):
        return Standing(f"unknown: {there.reason}")
    if there is None:
        return Standing(ABSENT, ABSENT)
    if kind == "mount":
        return _mount(rest, there)
    if kind == "network":
        _, key = fields((kind, identity), name, state)
        value = there.configuration.option(key)
        return Standing(ABSENT if value is None else f"{key}: {value}")
    return _option(name, there)


def _container(number: int, observed: ObservedState) -> ObservedContainer | Unknown | None:
    if isinstance(observed.containers, Unknown):
        return observed.containers
    for each in observed.containers:
        if isinstance(each, ObservedContainer):
            if each.id == number:
                return each
        elif each[0] == number:
            return each[1]
    return None


def _mount(target: str, there: ObservedContainer) -> Standing:
    lines = {line.target: line for line in mounts.lines(there.configuration.options)[0]}
    waiting = {line.target: line for line in mounts.lines(there.configuration.pending)[0]}
    line = lines.get(target)
    configured = ABSENT if line is None else f"mp{line.index}: {line.text}"
    if target in waiting:
        configured += f"; after a restart {waiting[target].text}"
    if there.effective is None:
        return Standing(configured, NOT_RUNNING)
    return Standing(configured, dict(there.effective.mounts).get(target, "nothing is shown"))


def _option(name: str, there: ObservedContainer) -> Standing:
    if name == "run":
        return Standing("", "running" if there.running else "stopped")
    if name == "services":
        if there.effective is None:
            return Standing("", NOT_RUNNING)
        told = ", ".join(f"{each}: {how}" for each, how in there.effective.services)
        return Standing("", told or NOT_SEEN)
    if name == "idmap":
        written = idmaps.describe(idmaps.lines(there.configuration))
        effective = there.effective
        return Standing(written, idmaps.describe(effective.idmap) if effective else NOT_RUNNING)
    if name in ("name", "mode", "windows", "freeze", "probe", "template"):
        return Standing()
    value = there.configuration.option(name)
    waiting: Mapping[str, str] = dict(there.configuration.pending)
    after = f"; after a restart {waiting[name]}" if name in waiting else ""
    gone = "; after a restart absent" if name in there.configuration.pending_delete else ""
    return Standing((ABSENT if value is None else value) + after + gone)


def _tunnel(identity: str, name: str, state: DesiredState, observed: ObservedState) -> Standing:
    tunnel, _, rest = identity.partition("/")
    role = rest.partition(" ")[0]
    end = _end(identity, state)
    seen = [
        each
        for each in observed.tunnels
        if end is not None and (each.container, each.instance) == (end.container, end.instance)
    ]
    if not seen or name not in ("accept", "generation", "identity"):
        return Standing("" if seen else NOT_SEEN)
    return Standing(_files(seen[0]), _works(seen[0], tunnel, role))


def _files(there: ObservedInstance) -> str:
    wrong = (*there.different, *there.missing)
    return f"not as it should be: {', '.join(wrong)}" if wrong else "its files are right"


def _works(there: ObservedInstance, tunnel: str, role: str) -> str:
    if there.unknown or there.obstacle or there.refusal:
        return there.unknown or there.obstacle or there.refusal
    ends = [each for each in there.ends if (each.name, each.role) == (tunnel, role)]
    if not there.running or not any(each.listening for each in ends):
        return "nothing listens"
    words = "listens, and has read exactly this" if there.loaded else "listens to something else"
    proofs = [each.proof for each in ends if each.proof is not None]
    return words + (f"; {proofs[0] or 'a connection through it stays up'}" if proofs else "")
