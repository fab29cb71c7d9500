"""Looking at a simulated host: one ObservedState, with Unknown for what cannot be read."""

from collections.abc import Iterator
import contextlib

from offctl.desired.model import DesiredState
from offctl.errors import OffctlError
from offctl.observed import (
    Effective,
    ObservedContainer,
    ObservedDataset,
    ObservedDirectory,
    ObservedPool,
    ObservedState,
    Unknown,
)
from offctl.planner import directories
from offctl_agent.host import guests, pctconf, subids
from offctl_agent.simulated import running, zfsproperties
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.pve import Pve
from offctl_agent.simulated.result import CommandError

Containers = tuple[ObservedContainer | tuple[int, Unknown], ...]


def observe(machine: Machine, desired: DesiredState) -> ObservedState:
    """Read the whole host; changes nothing."""
    try:
        with machine.store.locked():
            return _observe(machine, desired)
    except OffctlError as error:
        lost = Unknown(str(error))
        return ObservedState(lost, lost, lost, lost, lost, (), str(error))


def _observe(machine: Machine, desired: DesiredState) -> ObservedState:
    pve = Pve(machine)
    missing = pve.missing()
    return ObservedState(
        pools=_pools(machine),
        datasets=_datasets(machine),
        containers=Unknown(missing) if missing else _containers(machine, pve),
        guests=Unknown(missing) if missing else _guests(machine, pve),
        subids=_subids(machine),
        directories=tuple(_directories(machine, desired)),
        writable=missing or ("" if pve.quorate() else "no quorum: /etc/pve is read-only"),
        space=_space(machine),
    )


def _pools(machine: Machine) -> tuple[tuple[str, int], ...] | Unknown:
    try:
        found, broken = machine.pools(), machine.faults()
    except (CommandError, OffctlError) as error:
        return Unknown(_said(error))
    return tuple((n, p.free) for n, p in sorted(found.items()) if not broken.pool(n))


def _space(machine: Machine) -> tuple[ObservedPool, ...]:
    try:
        found, broken = machine.pools(), machine.faults()
    except (CommandError, OffctlError):
        return ()
    return tuple(
        ObservedPool(name, broken.health(name), pool.used, pool.free, pool.snapshots)
        for name, pool in sorted(found.items())
    )


def _datasets(machine: Machine) -> tuple[ObservedDataset, ...] | Unknown:
    try:
        table = machine.mounts()
        found = []
        for pool in machine.pools().values():
            for name, dataset in pool.datasets.items():
                here = table.of(dataset.guid)
                # A mount that a later one hides is not where anybody would look for it.
                at = here.path if here is not None and table.visible(here) else ""
                values = zfsproperties.every(pool, name)
                found.append(ObservedDataset(name, dataset.kind, values, at))
    except (CommandError, OffctlError) as error:
        return Unknown(_said(error))
    return tuple(sorted(found, key=lambda dataset: dataset.name))


def _containers(machine: Machine, pve: Pve) -> Containers | Unknown:
    try:
        return tuple(_container(machine, pve, number) for number in pve.numbers())
    except (OffctlError, OSError) as error:
        return Unknown(_said(error))


def _container(machine: Machine, pve: Pve, number: int) -> ObservedContainer | tuple[int, Unknown]:
    try:
        content = pve.read(number)
        state = running.load(machine, number)
        effective = None if state is None else _effective(machine, state)
    except (CommandError, OffctlError) as error:
        return number, Unknown(_said(error))
    if content is None:
        return number, Unknown("its configuration file vanished while it was read")
    return ObservedContainer(number, pctconf.parse(content), effective)


def _effective(machine: Machine, state: running.Running) -> Effective:
    shown = ((m.target, source_text(machine, m)) for m in state.visible())
    return Effective(tuple(shown), state.idmap)


def source_text(machine: Machine, mount: running.Bound) -> str:
    """The host path of what a container really shows, whatever its file says.

    A directory that lies under a mount now (the dataset was not mounted when the container
    started) is told apart from the path itself.
    """
    if mount.volume:
        return mount.volume
    table = machine.mounts()
    here = table.of(mount.guid) if mount.guid else None
    base = _base(machine, mount.guid)
    if not base:
        return f"a dataset that is gone ({mount.guid})"
    path = f"{base.rstrip('/')}/{mount.path}" if mount.path else base
    reachable = not mount.guid or (here is not None and table.visible(here))
    if reachable and table.place(path) != mount.place:
        return f"{path} (the directory under what is mounted there now)"
    return path


def _base(machine: Machine, guid: str) -> str:
    """Where a dataset is mounted, or would be; the root file system without a guid."""
    if not guid:
        return "/"
    here = machine.mounts().of(guid)
    name = machine.dataset_name(guid)
    return here.path if here is not None else machine.mountpoint(name) if name else ""


def _guests(machine: Machine, pve: Pve) -> tuple[tuple[int, str, str], ...] | Unknown:
    try:
        found = guests.parse(pve.vmlist())
    except (OffctlError, OSError) as error:
        return Unknown(_said(error))
    return tuple(g for g in found if (g[1], g[2]) != ("lxc", machine.node))


def _subids(machine: Machine) -> tuple[tuple[str, int, int], ...] | Unknown:
    found: tuple[tuple[str, int, int], ...] = ()
    try:
        for kind, name in subids.FILES:
            found += subids.parse(kind, machine.store.read(f"etc/{name}") or b"")
    except OffctlError as error:
        return Unknown(_said(error))
    return found


def _directories(
    machine: Machine, desired: DesiredState
) -> Iterator[tuple[str, ObservedDirectory | Unknown | None]]:
    for path in directories.asked(desired):
        yield path, _directory(machine, path)


def _directory(machine: Machine, path: str) -> ObservedDirectory | Unknown | None:
    with contextlib.suppress(OSError):
        try:
            obstacle = machine.obstacle(path)
            if obstacle == "missing":
                return None
            if obstacle:
                return Unknown(f"{path} is or leads through a {obstacle}, not a directory")
            place = machine.mounts().place(path)
            filled = any(machine.directory(place).iterdir())
            return ObservedDirectory(*machine.owner(place), filled)
        except OffctlError as error:
            return Unknown(_said(error))
    return Unknown(f"{path} cannot be read")


def _said(error: Exception) -> str:
    return error.message if isinstance(error, CommandError) else str(error)
