"""The datasets of a real host: read pool by pool, changed through the doors to ZFS."""

from collections.abc import Callable, Mapping

from offctl import errors
from offctl.desired import properties
from offctl.desired.model import DesiredState
from offctl.observed import ObservedDataset, ObservedPool, Property, Unknown
from offctl_agent.host import datasets as actions
from offctl_agent.proxmox.datasetdoor import Calls, DatasetDoor
from offctl_agent.proxmox.floors import PROPERTY as FLOOR
from offctl_agent.proxmox.floors import PoolFloors
from offctl_agent.proxmox.mounts import Mounts
from offctl_agent.proxmox.pools import Pool, Pools
from offctl_agent.proxmox.zfs import Zfs
from offctl_agent.proxmox.zfscommand import SNAPSHOTS, Listed, ZfsCommand

_FREE, _USED = "available", "used"
# What says what a dataset is, or changes all the time: told apart from the properties.
_APART = frozenset({"type", _FREE, _USED, SNAPSHOTS, FLOOR})

Found = tuple[tuple[tuple[str, int], ...] | Unknown, tuple[ObservedDataset, ...] | Unknown]


class Datasets(actions.Datasets):
    """The pools and datasets of this host: `observe`, and the actions of host.datasets."""

    def __init__(
        self,
        calls: Calls,
        *,
        alive: Callable[[], None] = lambda: None,
        zfs: Zfs | None = None,
        command: ZfsCommand | None = None,
        pools: Pools | None = None,
        mounts: Mounts | None = None,
        floors: PoolFloors | None = None,
    ) -> None:
        """`calls` runs what changes things; the rest is this machine's unless given.

        `floors` is told what each pool holds of it, so that nobody has to ask.
        """
        self._zfs = zfs or Zfs()
        self._command = command or ZfsCommand(alive)
        self._pools = pools or Pools(alive=alive)
        self._mounts = mounts or Mounts()
        self._floors = floors or PoolFloors(self._zfs, self._pools)
        self._ways = DatasetDoor(calls, self._zfs, self._command, self._pools, self._mounts)
        self._asked: set[str] = set()
        # Why pools that are here may not be changed, or could not be read.
        self.unready: tuple[tuple[str, str], ...] = ()
        self.space: tuple[ObservedPool, ...] = ()
        super().__init__(self._ways)

    def observe(self, desired: DesiredState) -> Found:
        """Pools that may be changed with their free bytes, and every dataset that can be read.

        A pool that cannot be read is not among the first, so nothing is concluded about it; when
        none can be read both are Unknown. One program is started for each pool.
        """
        try:
            pools, places = self._pools.all(), self._mounts.visible(self._mounts.table())
        except errors.HostError as error:
            self.space = ()
            return Unknown(str(error)), Unknown(str(error))
        free, found, unready, space = [], [], [], []
        for pool in pools:
            try:
                listed = self._read(pool, desired)
            except errors.HostError as error:
                unready.append((pool.name, str(error)))
                space.append(ObservedPool(pool.name, pool.health))
                continue
            found += [_observed(dataset, places) for dataset in listed]
            space.append(_space(pool, listed))
            top = next((dataset for dataset in listed if dataset.name == pool.name), None)
            reason = self._unready(pool, top)
            if reason or top is None:
                unready.append((pool.name, reason))
            else:
                free.append((pool.name, int(top.values[_FREE].value)))
                self._floors.seen(pool, top.values.get(FLOOR))
                self._ways.remember(pool)
        self.unready, self.space = tuple(unready), tuple(space)
        if unready and not found:
            why = Unknown("; ".join(reason for _, reason in unready))
            return why, why
        return tuple(free), tuple(sorted(found, key=lambda dataset: dataset.name))

    def _unready(self, pool: Pool, top: Listed | None) -> str:
        """Why nothing may be changed in a pool; `zpool` is asked when it looks as if."""
        if top is None:
            return "it was gone while it was read"
        readonly, place = top.values.get("readonly"), top.values.get("mountpoint")
        usual = place == Property(f"/{pool.name}", "default")
        if usual and readonly is not None and readonly.source != "temporary":
            return ""
        try:
            return self._pools.unready(pool.name)
        except errors.HostError as error:
            return str(error)

    def _read(self, pool: Pool, desired: DesiredState) -> tuple[Listed, ...]:
        if pool.silent:
            raise errors.HostError(pool.silent)
        self._learn(pool, desired)
        user = self._ways.user_properties | {FLOOR}
        listed = self._command.list(pool.name, user)
        odd = [dataset.name for dataset in listed if not dataset.exact]
        if not odd:
            return listed
        # A value with line breaks; the kernel tells values apart.
        native = {*self._command.asked()} - properties.CREATION_ONLY
        again = self._zfs.read(odd, sorted(native | user))
        exact = {
            name: Listed(name, values | self._command.get(name, properties.CREATION_ONLY))
            for name, values in again.items()
        }
        return tuple(exact.get(dataset.name, dataset) for dataset in listed)

    def _learn(self, pool: Pool, desired: DesiredState) -> None:
        """Which user properties to ask for: those written, and whatever is on what is declared.

        What this program set or saw once it asks for ever; the rest is asked of the kernel when
        a dataset is first spoken of.
        """
        ours = {d.name for d in desired.datasets if d.name.split("/")[0] == pool.name}
        for dataset in desired.datasets:
            written = (*(key for key, _ in dataset.properties), *dataset.inherit)
            self._ways.user_properties.update(key for key in written if ":" in key)
        if new := sorted(ours - self._asked):
            try:
                self._ways.user_properties.update(self._zfs.user_names(new))
            except errors.HostError:
                # A read-only pool takes no channel program, and nothing will be set in it.
                if not self._pools.unready(pool.name):
                    raise
                return
            self._asked.update(new)


def _space(pool: Pool, listed: tuple[Listed, ...]) -> ObservedPool:
    """The top dataset's bytes are the pool's; a snapshot of any dataset is one of the pool."""
    top = next((each.values for each in listed if each.name == pool.name), {})
    return ObservedPool(
        *(pool.name, pool.health, _number(top, _USED), _number(top, _FREE)),
        max((_number(each.values, SNAPSHOTS) for each in listed), default=0),
    )


def _number(values: Mapping[str, Property], key: str) -> int:
    known = values.get(key)
    return int(known.value) if known is not None and known.value.isdecimal() else 0


def _observed(dataset: Listed, places: dict[str, str]) -> ObservedDataset:
    kind = dataset.values["type"].value
    names = sorted(dataset.values.keys() - _APART)
    values = tuple((name, dataset.values[name]) for name in names)
    return ObservedDataset(dataset.name, kind, values, places.get(dataset.name, ""))
