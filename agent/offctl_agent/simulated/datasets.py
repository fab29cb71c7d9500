"""The door to the datasets of a simulated host; satisfies host.datasets.Door."""

from collections.abc import Iterable, Mapping
import os

from offctl.desired import properties
from offctl.observed import Property
from offctl.planner import actions as act
from offctl.planner.commands import commands
from offctl_agent.host import failures
from offctl_agent.simulated import directories, pools, zfsproperties
from offctl_agent.simulated.calls import Calls
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.result import CommandError

_SHOWN = 5


class DatasetDoor:
    """Datasets through the simulated `zfs`."""

    def __init__(self, machine: Machine, calls: Calls) -> None:
        self._machine = machine
        self._calls = calls

    def exists(self, name: str, doing: str) -> bool:
        """Whether there is such a dataset in an imported pool."""
        try:
            found = self._machine.pools().get(pools.pool_of(name))
        except CommandError as error:
            raise failures.refusal(doing, failures.FAILED, error.message) from None
        if found is None:
            cause = f"pool {pools.pool_of(name)} is not imported"
            raise failures.refusal(doing, failures.FAILED, cause)
        return name in found.datasets

    def properties(self, name: str, keys: Iterable[str]) -> Mapping[str, Property]:
        """As `zfs get -p` prints them."""
        pool = self._machine.pools()[pools.pool_of(name)]
        return {key: zfsproperties.get(pool, name, key) for key in keys}

    def create(self, action: act.CreateDataset, doing: str) -> Mapping[str, Property]:
        """`zfs create` mounts too."""
        self._calls.run(doing, commands(action)[0])
        keys = [properties.canonical_name(key) for key, _ in action.properties]
        return self.properties(action.name, keys)

    def set(self, action: act.SetProperties, doing: str) -> None:
        """One `zfs set`."""
        self._calls.run(doing, commands(action)[0])

    def inherit(self, action: act.InheritProperties, doing: str) -> None:
        """One `zfs inherit` for each property: it takes no more."""
        for argv in commands(action):
            self._calls.run(doing, argv)

    def mount(self, action: act.MountDataset, doing: str) -> None:
        """`zfs mount`."""
        self._calls.run(doing, commands(action)[0])

    def unmounted(self, name: str, mountpoint: str) -> str:
        """Why `mountpoint` does not show the dataset."""
        return directories.not_mounted(self._machine, name, mountpoint)

    def is_mounted(self, name: str) -> bool:
        """Whether it is mounted, seen or hidden."""
        dataset = self._machine.pools()[pools.pool_of(name)].datasets[name]
        return self._machine.mounts().of(dataset.guid) is not None

    def obstacle(self, path: str) -> str:
        """Why a path leads through no plain directory."""
        found = self._machine.obstacle(path)
        return f"it leads through a {found}" if found and found != "missing" else ""

    def contents(self, path: str) -> tuple[str, ...]:
        """A few names in a directory."""
        if self._machine.obstacle(path):
            return ()
        found = sorted(os.listdir(self._machine.locate(path)))
        return (*found[:_SHOWN], *(["..."] if len(found) > _SHOWN else []))
