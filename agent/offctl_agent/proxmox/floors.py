"""The second place for a real host's floor: a user property on its pools' own datasets.

Even a channel program that only reads is written into the pool's history. So a pool is asked once
for each import; after that, whoever reads it anyway says what stands there (`seen`).
"""

from offctl import errors
from offctl.observed import Property
from offctl_agent.proxmox.pools import Pool, Pools
from offctl_agent.proxmox.zfs import Zfs

PROPERTY = "org.offctl:floor"


class PoolFloors:
    """Satisfies host.protocol.FloorStore; reads and writes in channel programs, starts nothing."""

    def __init__(self, zfs: Zfs, pools: Pools) -> None:
        self._zfs = zfs
        self._pools = pools
        self._known: dict[tuple[str, str], str] = {}

    def read(self) -> tuple[str, ...]:
        """What each imported pool holds. Raises HostError."""
        return tuple(found for pool in self._imported() if (found := self._held(pool)))

    def keep(self, text: str, pools: tuple[str, ...]) -> None:
        """Set the property wherever it differs. Raises HostError when that fails anywhere."""
        imported = {pool.name: pool for pool in self._imported()}
        if missing := sorted(set(pools) - set(imported)):
            raise errors.HostError(f"cannot set {PROPERTY} of {missing[0]}: it is not imported")
        for name in pools:
            if self._held(imported[name]) != text:
                self._zfs.mark({name: {PROPERTY: text}})
                self._known[name, imported[name].mark] = text

    def seen(self, pool: Pool, found: Property | None) -> None:
        """What stands on a pool's own dataset now."""
        self._known[pool.name, pool.mark] = _written_here(found)

    def _imported(self) -> tuple[Pool, ...]:
        pools = self._pools.all()
        if silent := [pool for pool in pools if pool.silent]:
            raise errors.HostError(f"cannot read {PROPERTY}: {silent[0].silent}")
        return pools

    def _held(self, pool: Pool) -> str:
        key = (pool.name, pool.mark)
        if key not in self._known:
            found = self._zfs.read((pool.name,), (PROPERTY,)).get(pool.name, {})
            self._known[key] = _written_here(found.get(PROPERTY))
        return self._known[key]


def _written_here(found: Property | None) -> str:
    """What came with `zfs receive` was written by another host."""
    return found.value if found is not None and found.source == "local" else ""
