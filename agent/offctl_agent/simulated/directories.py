"""Directories inside mounted datasets of a simulated host: made and given away, never followed."""

from offctl.desired import names
from offctl.desired.model import Access
from offctl.errors import MalformedError
from offctl.planner import actions
from offctl_agent.host import failures
from offctl_agent.simulated import pools
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.mounts import Place
from offctl_agent.simulated.result import CommandError


def make(machine: Machine, action: actions.MakeDirectory) -> None:
    """Make one directory whose parent exists, with its owner. Raises HostError."""
    doing = f"make directory {action.mountpoint}/{action.path}"
    outer, _, name = action.path.rpartition("/")
    parent = inside(machine, action.dataset, action.mountpoint, outer, doing)
    _refuse_outside(action.path, doing)
    place = parent.below(name)
    _refuse_foreign(machine, action.mountpoint, action.path, place, doing)
    directory = machine.directory(place)
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise failures.refusal(doing, failures.PREFLIGHT, "something that is no directory is there")
    _own(machine, place, action.access)
    machine.make_place(place)


def set_access(machine: Machine, action: actions.SetAccess) -> None:
    """Set owner and mode of one directory. Raises HostError."""
    doing = f"set the owner of {action.mountpoint}/{action.path}".rstrip("/")
    place = inside(machine, action.dataset, action.mountpoint, action.path, doing)
    _own(machine, place, action.access)


def inside(machine: Machine, dataset: str, mountpoint: str, path: str, doing: str) -> Place:
    """The directory at `path` of a dataset that is mounted and visible. Raises HostError."""
    _refuse_outside(path, doing)
    if reason := not_mounted(machine, dataset, mountpoint):
        raise failures.refusal(doing, failures.PREFLIGHT, reason)
    if failing := machine.faults().pool(pools.pool_of(dataset)):
        raise failures.refusal(doing, failures.FAILED, f"pool of {dataset} is {failing}")
    whole = f"{mountpoint}/{path}" if path else mountpoint
    if obstacle := machine.obstacle(whole):
        cause = "it does not exist" if obstacle == "missing" else f"there is a {obstacle} in it"
        raise failures.refusal(doing, failures.PREFLIGHT, cause)
    place = machine.mounts().place(mountpoint).below(path)
    _refuse_foreign(machine, mountpoint, path, place, doing)
    return place


def not_mounted(machine: Machine, dataset: str, mountpoint: str) -> str:
    """Why `mountpoint` does not show `dataset` now; empty when it does."""
    try:
        pool = machine.pools().get(pools.pool_of(dataset))
    except CommandError as error:
        return error.message
    if pool is None:
        return f"pool {pools.pool_of(dataset)} is not imported"
    if dataset not in pool.datasets:
        return f"dataset {dataset} does not exist"
    table = machine.mounts()
    guid = pool.datasets[dataset].guid
    here = table.of(guid)
    if here is None:
        return f"dataset {dataset} is not mounted"
    if here.path != mountpoint:
        return f"dataset {dataset} is mounted at {here.path}, not at {mountpoint}"
    if not table.visible(here):
        over = machine.dataset_name(table.place(mountpoint).guid) or "the root file system"
        return f"dataset {dataset} is mounted but hidden: {mountpoint} shows {over}"
    return ""


def _refuse_outside(path: str, doing: str) -> None:
    try:
        if path:
            names.relative_path(path)
    except MalformedError as error:
        raise failures.refusal(doing, failures.PREFLIGHT, str(error)) from None


def _refuse_foreign(machine: Machine, mountpoint: str, path: str, place: Place, doing: str) -> None:
    shown = machine.mounts().place(f"{mountpoint}/{path}" if path else mountpoint)
    if shown != place:
        other = machine.dataset_name(shown.guid) or "another file system"
        raise failures.refusal(doing, failures.PREFLIGHT, f"it lies in {other}")


def _own(machine: Machine, place: Place, access: Access) -> None:
    uid, gid, mode = machine.owner(place)
    wanted = (
        uid if access.uid is None else access.uid,
        gid if access.gid is None else access.gid,
        mode if access.mode is None else access.mode,
    )
    machine.set_owner(place, wanted)
