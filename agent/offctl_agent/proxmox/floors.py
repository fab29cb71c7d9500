"""The second place for a real host's floor: a user property on its pools' own datasets."""

from offctl import errors
from offctl_agent.proxmox.pools import Pools
from offctl_agent.proxmox.zfs import Zfs

PROPERTY = "org.offctl:floor"


class PoolFloors:
    """Satisfies host.protocol.FloorStore; reads and writes in channel programs, starts nothing."""

    def __init__(self, zfs: Zfs, pools: Pools) -> None:
        self._zfs = zfs
        self._pools = pools

    def read(self) -> tuple[str, ...]:
        """What each imported pool holds. Raises HostError."""
        return tuple(found for pool in self._names() if (found := self._local(pool)))

    def keep(self, text: str, pools: tuple[str, ...]) -> None:
        """Set the property wherever it differs. Raises HostError when that fails anywhere."""
        imported = self._names()
        if missing := sorted(set(pools) - set(imported)):
            raise errors.HostError(f"cannot set {PROPERTY} of {missing[0]}: it is not imported")
        for pool in pools:
            if self._local(pool) != text:
                self._zfs.mark({pool: {PROPERTY: text}})

    def _names(self) -> tuple[str, ...]:
        pools = self._pools.all()
        if silent := [pool for pool in pools if pool.silent]:
            raise errors.HostError(f"cannot read {PROPERTY}: {silent[0].unready}")
        return tuple(pool.name for pool in pools)

    def _local(self, pool: str) -> str:
        """What this host wrote: what came with `zfs receive` was written by another."""
        found = self._zfs.read((pool,), (PROPERTY,)).get(pool, {}).get(PROPERTY)
        return found.value if found is not None and found.source == "local" else ""
