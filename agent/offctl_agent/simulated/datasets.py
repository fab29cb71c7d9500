"""Carrying out actions on datasets of a simulated host, and proving that they are done."""

import os

from offctl_agent.host import failures
from offctl_agent.host.commands import commands
from offctl_agent.observed import Property
from offctl_agent.planner import actions as act
from offctl_agent.simulated import directories, pools, zfsproperties
from offctl_agent.simulated.calls import Calls
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.result import CommandError


class Datasets:
    """Every action on datasets; each raises HostError."""

    def __init__(self, machine: Machine, calls: Calls) -> None:
        self._machine = machine
        self._calls = calls

    def create(self, action: act.CreateDataset) -> None:
        doing = f"create dataset {action.name}"
        if action.name in self._pool(action.name, doing).datasets:
            raise failures.refusal(doing, failures.CONFLICT, "it exists already")
        mounts = dict(action.properties).get("canmount", "on") == "on"
        if mounts:
            self._refuse_occupied(action.mountpoint, doing)
        self._calls.run(doing, commands(action)[0])
        self._verify_properties(action.name, action.properties, doing)
        if mounts and (reason := self._unmounted(action.name, action.mountpoint)):
            raise failures.refusal(doing, failures.FAILED, f"created, but {reason}")

    def set_properties(self, action: act.SetProperties) -> None:
        doing = f"set properties of {action.name}"
        self._dataset(action.name, doing)
        self._calls.run(doing, commands(action)[0])
        self._verify_properties(action.name, action.properties, doing)

    def inherit(self, action: act.InheritProperties) -> None:
        doing = f"inherit properties of {action.name}"
        self._dataset(action.name, doing)
        for argv in commands(action):
            self._calls.run(doing, argv)
        for key in action.properties:
            if self._property(action.name, key).source == "local":
                raise failures.refusal(doing, failures.FAILED, f"{key} is still set locally")

    def mount(self, action: act.MountDataset) -> None:
        doing = f"mount dataset {action.name}"
        dataset = self._dataset(action.name, doing)
        if not self._unmounted(action.name, action.mountpoint):
            return
        if self._machine.mounts().of(dataset.guid) is not None:
            reason = self._unmounted(action.name, action.mountpoint)
            raise failures.refusal(doing, failures.PREFLIGHT, reason)
        configured = self._machine.mountpoint(action.name)
        if configured != action.mountpoint:
            cause = f"its mountpoint is {configured}, not {action.mountpoint}"
            raise failures.refusal(doing, failures.CONFLICT, cause)
        self._refuse_occupied(action.mountpoint, doing)
        self._calls.run(doing, commands(action)[0])
        if reason := self._unmounted(action.name, action.mountpoint):
            raise failures.refusal(doing, failures.FAILED, reason)

    def _refuse_occupied(self, mountpoint: str, doing: str) -> None:
        """ZFS would hide the files of a directory that is not empty without a word."""
        obstacle = self._machine.obstacle(mountpoint)
        if obstacle == "missing":
            return
        if obstacle:
            cause = f"{mountpoint} leads through a {obstacle}"
            raise failures.refusal(doing, failures.PREFLIGHT, cause)
        found = sorted(os.listdir(self._machine.locate(mountpoint)))
        if found:
            shown = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
            cause = f"directory {mountpoint} is not empty and would be hidden: {shown}"
            hint = "move what is there out of the way by hand"
            raise failures.refusal(doing, failures.PREFLIGHT, cause, hint=hint)

    def _verify_properties(
        self, name: str, wanted: tuple[tuple[str, str], ...], doing: str
    ) -> None:
        for key, value in wanted:
            full, text = zfsproperties.checked(key, value, act=doing)
            now = self._property(name, full)
            if now.value != text:
                cause = f"{key} is {now.value!r} after setting it to {value!r}"
                raise failures.refusal(doing, failures.FAILED, cause)

    def _unmounted(self, name: str, mountpoint: str) -> str:
        return directories.not_mounted(self._machine, name, mountpoint)

    def _pool(self, name: str, doing: str) -> pools.Pool:
        try:
            found = self._machine.pools().get(pools.pool_of(name))
        except CommandError as error:
            raise failures.refusal(doing, failures.FAILED, error.message) from None
        if found is None:
            cause = f"pool {pools.pool_of(name)} is not imported"
            raise failures.refusal(doing, failures.FAILED, cause)
        return found

    def _dataset(self, name: str, doing: str) -> pools.Dataset:
        found = self._pool(name, doing).datasets.get(name)
        if found is None:
            raise failures.refusal(doing, failures.CONFLICT, "it does not exist")
        return found

    def _property(self, name: str, key: str) -> Property:
        return zfsproperties.get(self._machine.pools()[pools.pool_of(name)], name, key)
