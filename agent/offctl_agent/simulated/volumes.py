"""The volumes that PVE allocates for containers on a simulated host."""

import re

from offctl_agent.simulated import pools, zfs, zfsmounts
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.pctworld import DIED
from offctl_agent.simulated.pools import Dataset
from offctl_agent.simulated.pve import Pve
from offctl_agent.simulated.result import CommandError

MIB = 1024**2


def allocate(machine: Machine, number: int, storage: str, gib: str) -> tuple[str, str]:
    """Make a volume of `gib` GiB for a container: (volume id, size as PVE writes it)."""
    known = Pve(machine).storages()
    if storage not in known:
        raise CommandError(f"storage '{storage}' does not exist", DIED)
    kind, where = known[storage].kind, known[storage].where
    mib = int(float(gib) * 1024)
    if kind != "zfspool":
        return f"{storage}:{number}/vm-{number}-disk-{_image(machine, number)}.raw", _size(mib)
    pool = machine.pools().get(pools.pool_of(where))
    if pool is None or where not in pool.datasets:
        raise CommandError(f"zfs error: cannot open '{where}': dataset does not exist", DIED)
    index = 0
    while f"{where}/subvol-{number}-disk-{index}" in pool.datasets:
        index += 1
    name = f"{where}/subvol-{number}-disk-{index}"
    if machine.faults().pool(pool.name) == "readonly":
        raise CommandError(f"zfs error: cannot create '{name}': pool is read-only", DIED)
    local = {"acltype": "posix", "xattr": "sa"}
    if mib:
        local["refquota"] = str(mib * MIB)
    zfs.add(machine, pool, name, Dataset(machine.random(8).hex(), local=local))
    zfsmounts.mount_if_wanted(machine, name)
    return f"{storage}:subvol-{number}-disk-{index}", _size(mib) if mib else "0T"


def free(machine: Machine, volume: str) -> None:
    """Give a volume back; only a create that failed does this here."""
    storage, _, name = volume.partition(":")
    known = Pve(machine).storages().get(storage)
    if known is None or known.kind != "zfspool":
        return
    where = known.where
    pool = machine.pools()[pools.pool_of(where)]
    dataset = pool.datasets.get(f"{where}/{name}")
    if dataset is not None:
        zfsmounts.detach(machine, dataset.guid)
        del pool.datasets[f"{where}/{name}"]
        pools.save(machine.store, pool)


def complaint(machine: Machine, volume: str) -> str:
    """Why a container cannot be started on a volume; empty when it can."""
    storage, _, name = volume.partition(":")
    known = Pve(machine).storages()
    if storage not in known:
        return f"storage '{storage}' does not exist"
    kind, where = known[storage].kind, known[storage].where
    if kind != "zfspool":
        return ""
    if not re.fullmatch(r"(?:subvol|basevol|vm|base)-\d+-.+", name):
        return f"unable to parse zfs volume name '{name}'"
    pool = machine.pools().get(pools.pool_of(where))
    if pool is None or f"{where}/{name}" not in pool.datasets:
        return f"volume '{volume}' does not exist"
    return ""


def _image(machine: Machine, number: int) -> int:
    used = Pve(machine).read(number) or b""
    return len(re.findall(rb"vm-%d-disk-\d+\.raw" % number, used))


def _size(mib: int) -> str:
    return f"{mib // 1024}G" if mib % 1024 == 0 else f"{mib}M"
