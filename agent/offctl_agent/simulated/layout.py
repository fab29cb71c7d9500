"""An empty simulated host: pools, an empty /etc/pve, storages, and PVE's usual subordinate ids."""

from collections.abc import Mapping, Sequence

from offctl.errors import AuthorError
from offctl_agent.simulated import pools, pve, zfs, zfsmounts
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.pools import Dataset, Pool
from offctl_agent.simulated.store import LOCK

DIRECTORIES = ("etc/pve", "run/containers", "files", "zfs/data")
SUBIDS = b"root:100000:65536\n"


def create(machine: Machine, *, imported: Sequence[str], storages: Mapping[str, str]) -> None:
    """Make the host; `storages` maps a name to the dataset its volumes live below.

    Running it again adds what is missing and changes nothing that is there.
    """
    store = machine.store
    for name in (*DIRECTORIES, f"etc/pve/nodes/{machine.node}/lxc"):
        store.make_directory(name)
    store.make_directory(f"etc/pve/nodes/{machine.node}/qemu-server")
    store.path(LOCK).touch(mode=0o600)
    with store.locked():
        store.link(pve.LOCAL, f"nodes/{machine.node}")
        store.link("etc/pve/lxc", "local/lxc")
        for name in ("subuid", "subgid"):
            if store.read(f"etc/{name}") is None:
                store.write(f"etc/{name}", SUBIDS)
        _make_pools(machine, imported)
        _make_storages(machine, storages)
        pve.Pve(machine).save_vmlist()


def _make_pools(machine: Machine, wanted: Sequence[str]) -> None:
    present = pools.load(machine.store)
    for name in wanted:
        if name not in present:
            zfs.add(machine, Pool(name), name, Dataset(machine.random(8).hex()))
        zfsmounts.mount_if_wanted(machine, name)


def _make_storages(machine: Machine, storages: Mapping[str, str]) -> None:
    text = "dir: local\n\tpath /var/lib/vz\n\tcontent vztmpl,iso,backup,snippets\n"
    for name, dataset in sorted(storages.items()):
        text += f"\nzfspool: {name}\n\tpool {dataset}\n\tcontent rootdir,images\n"
        pool = machine.pools().get(pools.pool_of(dataset))
        if pool is None:
            raise AuthorError(f"cannot make storage {name}: there is no pool for {dataset}")
        if dataset not in pool.datasets:
            zfs.create(machine, ["-p", dataset])
    content = text.encode()
    if machine.store.read(pve.STORAGES) != content:
        machine.store.write(pve.STORAGES, content)
