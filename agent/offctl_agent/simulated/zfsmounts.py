"""Mounting and unmounting datasets of a simulated host, as zfs does it by itself."""

import os

from offctl_agent.simulated import pools, zfsproperties
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.pools import Pool
from offctl_agent.simulated.result import CommandError
from offctl_agent.simulated.running import detach_below


def mount_if_wanted(machine: Machine, name: str) -> None:
    """What ZFS does by itself after create, import and `mount -a`."""
    pool = machine.pools()[pools.pool_of(name)]
    dataset = pool.datasets[name]
    wanted = zfsproperties.get(pool, name, "canmount").value == "on"
    path = zfsproperties.mountpoint(pool, name).value
    mountable = dataset.kind == "filesystem" and path not in ("none", "legacy")
    if wanted and mountable and machine.mounts().of(dataset.guid) is None:
        attach(machine, pool, name)


def attach(machine: Machine, pool: Pool, name: str) -> None:
    """Mount a dataset at its mountpoint, which is made when it is missing."""
    path = zfsproperties.mountpoint(pool, name).value
    table = machine.mounts()
    under = table.place(path)
    directory = machine.directory(under)
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise CommandError(f"cannot mount '{path}': mountpoint is not a directory")
    overlay = zfsproperties.get(pool, name, "overlay").value == "on"
    if not overlay and directory.is_dir() and os.listdir(directory):
        raise CommandError(f"cannot mount '{path}': directory is not empty")
    machine.make_place(under)
    machine.save_mounts(table.with_mount(pool.datasets[name].guid, path))


def detach(machine: Machine, guid: str) -> None:
    """Unmount a dataset after everything that is mounted on it."""
    table = machine.mounts()
    here = table.of(guid)
    if here is None:
        return
    for inner in table.on(here):
        detach(machine, inner.guid)
    machine.save_mounts(machine.mounts().without(guid))


def remount(machine: Machine, pool: Pool) -> None:
    """Move every mount whose mountpoint is another one now; the old directories go."""
    for name in sorted(pool.datasets):
        guid = pool.datasets[name].guid
        here = machine.mounts().of(guid)
        path = zfsproperties.mountpoint(pool, name).value
        off = zfsproperties.get(pool, name, "canmount").value == "off"
        if here is None or (here.path == path and not off):
            continue
        detach(machine, guid)
        _remove_mountpoint(machine, here.path)
        if not off and path not in ("none", "legacy"):
            attach(machine, pool, name)
    for name in sorted(pool.datasets):
        mount_if_wanted(machine, name)


def _remove_mountpoint(machine: Machine, path: str) -> None:
    """ZFS removes the directory; Linux then tears mounts on it out of every container."""
    place = machine.mounts().place(path)
    directory = machine.directory(place)
    if not directory.is_dir() or os.listdir(directory) or not place.path:
        return
    machine.store.remove_directory(str(directory.relative_to(machine.store.root)))
    detach_below(machine, place)
