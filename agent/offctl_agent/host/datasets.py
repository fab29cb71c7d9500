"""Actions on datasets: what to check before, in which order, and what to believe afterwards.

It stands once; each kind of host has its own door through which things are asked and done.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from offctl.desired import properties
from offctl.observed import Property
from offctl.planner import actions as act
from offctl_agent.host import failures


class Door(Protocol):
    """A host's datasets and mountpoints. Everything raises HostError."""

    def exists(self, name: str, doing: str) -> bool:
        """Whether there is such a dataset; raises FAILED when its pool cannot be changed."""
        ...

    def properties(self, name: str, keys: Iterable[str]) -> Mapping[str, Property]:
        """Properties of a dataset that exists, by full name."""
        ...

    def create(self, action: act.CreateDataset, doing: str) -> Mapping[str, Property]:
        """Create it, without parents, and mount it if it may be mounted.

        Gives at least the properties it was to have, as they are afterwards.
        """
        ...

    def set(self, action: act.SetProperties, doing: str) -> None:
        """Set all of them locally, or none."""
        ...

    def inherit(self, action: act.InheritProperties, doing: str) -> None:
        """Give each back to inheritance, or to no limit."""
        ...

    def mount(self, action: act.MountDataset, doing: str) -> None:
        """Mount it where its mountpoint says."""
        ...

    def unmounted(self, name: str, mountpoint: str) -> str:
        """Why `mountpoint` does not show the dataset; empty when it does."""
        ...

    def is_mounted(self, name: str) -> bool:
        """Whether it is mounted anywhere, seen or hidden."""
        ...

    def obstacle(self, path: str) -> str:
        """Why a path is, or leads through, no plain directory; empty when it does, or is absent."""
        ...

    def contents(self, path: str) -> tuple[str, ...]:
        """A few names of what is in a directory; empty too when there is none."""
        ...


class Datasets:
    """Every action on datasets; each raises HostError."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def create(self, action: act.CreateDataset) -> None:
        """Create a dataset; one that exists is a conflict."""
        doing = f"create dataset {action.name}"
        if self._door.exists(action.name, doing):
            raise failures.refusal(doing, failures.CONFLICT, "it exists already")
        mounts = dict(action.properties).get("canmount", "on") == "on"
        if mounts:
            self._refuse_occupied(action.mountpoint, doing)
        found = self._door.create(action, doing)
        _require_written(action.properties, found, doing)
        if mounts and (reason := self._door.unmounted(action.name, action.mountpoint)):
            raise failures.refusal(doing, failures.FAILED, f"created, but {reason}")

    def set_properties(self, action: act.SetProperties) -> None:
        """Set properties of a dataset that exists."""
        doing = f"set properties of {action.name}"
        self._require(action.name, doing)
        self._door.set(action, doing)
        self._verify(action.name, action.properties, doing)

    def inherit(self, action: act.InheritProperties) -> None:
        """Give properties of a dataset back."""
        doing = f"inherit properties of {action.name}"
        self._require(action.name, doing)
        self._door.inherit(action, doing)
        names = [properties.canonical_name(key) for key in action.properties]
        for key, found in self._door.properties(action.name, names).items():
            if found.source == "local" and not properties.unlimited(key, found.value):
                raise failures.refusal(doing, failures.FAILED, f"{key} is still set locally")

    def mount(self, action: act.MountDataset) -> None:
        """Mount a dataset; one that shows already is left alone."""
        doing = f"mount dataset {action.name}"
        self._require(action.name, doing)
        reason = self._door.unmounted(action.name, action.mountpoint)
        if not reason:
            return
        if self._door.is_mounted(action.name):
            raise failures.refusal(doing, failures.PREFLIGHT, reason)
        found = self._door.properties(action.name, ["mountpoint"]).get("mountpoint")
        configured = found.value if found else "unknown"
        if configured != action.mountpoint:
            cause = f"its mountpoint is {configured}, not {action.mountpoint}"
            raise failures.refusal(doing, failures.CONFLICT, cause)
        self._refuse_occupied(action.mountpoint, doing)
        self._door.mount(action, doing)
        if reason := self._door.unmounted(action.name, action.mountpoint):
            raise failures.refusal(doing, failures.FAILED, reason)

    def _require(self, name: str, doing: str) -> None:
        if not self._door.exists(name, doing):
            raise failures.refusal(doing, failures.CONFLICT, "it does not exist")

    def _refuse_occupied(self, mountpoint: str, doing: str) -> None:
        """ZFS would hide the files of a directory that is not empty without a word."""
        if obstacle := self._door.obstacle(mountpoint):
            cause = f"{mountpoint}: {obstacle}"
            raise failures.refusal(doing, failures.PREFLIGHT, cause)
        if found := self._door.contents(mountpoint):
            shown = ", ".join(found)
            cause = f"directory {mountpoint} is not empty and would be hidden: {shown}"
            hint = "move what is there out of the way by hand"
            raise failures.refusal(doing, failures.PREFLIGHT, cause, hint=hint)

    def _verify(self, name: str, wanted: tuple[tuple[str, str], ...], doing: str) -> None:
        keys = [properties.canonical_name(key) for key, _ in wanted]
        _require_written(wanted, self._door.properties(name, keys), doing)


def _require_written(
    wanted: tuple[tuple[str, str], ...], found: Mapping[str, Property], doing: str
) -> None:
    for name, value in wanted:
        key = properties.canonical_name(name)
        now = found.get(key)
        if now is None or not properties.equal(key, value, now.value):
            shown = "not there" if now is None else repr(now.value)
            cause = f"{key} is {shown} after setting it to {value!r}"
            raise failures.refusal(doing, failures.FAILED, cause)
