"""SimulatedHost: the Host that is a directory. Does actions through the simulated programs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
import secrets
import time

from offctl.desired.model import DesiredState
from offctl.errors import HostError, OffctlError
from offctl.observed import FoundStunnel, ObservedState, Stray, Unknown
from offctl.planner import actions as act
from offctl.tunnelkeys import TunnelSecret
from offctl_agent.host import probes, subids
from offctl_agent.host.containers import Containers
from offctl_agent.host.datasets import Datasets
from offctl_agent.host.storages import Storage
from offctl_agent.host.stunnel.door import Tunnels, no_secret
from offctl_agent.host.traces import Traces
from offctl_agent.simulated import directories, observe, records, stunnel
from offctl_agent.simulated.calls import Calls
from offctl_agent.simulated.datasets import DatasetDoor
from offctl_agent.simulated.machine import Machine, Random
from offctl_agent.simulated.programs import Sleep
from offctl_agent.simulated.pve import Pve
from offctl_agent.simulated.result import CommandError
from offctl_agent.simulated.sources import Sources
from offctl_agent.simulated.store import Step, Store


class SimulatedHost:
    """The host below `root` that calls itself `node`; satisfies host.protocol.Host.

    `random` gives n bytes (hardware addresses, guids); `step` sees every durable write before and
    after it happens, and may raise to play a crash; `sleep` plays commands that hang; `clock` is
    the host's; with `outlive` a command goes on to its end when the agent that called it is
    killed; `secret` reads the host's tunnel key.
    """

    def __init__(
        self,
        root: Path,
        node: str,
        *,
        random: Random = secrets.token_bytes,
        step: Step | None = None,
        sleep: Sleep = time.sleep,
        clock: Callable[[], float] = time.time,
        outlive: bool = False,
        secret: Callable[[], TunnelSecret] = no_secret,
    ) -> None:
        store = Store(root) if step is None else Store(root, step)
        self.machine = Machine(store, node, random, clock)
        self._calls = calls = Calls(self.machine, sleep, outlive=outlive)
        sources = Sources(self.machine)
        self._datasets = Datasets(DatasetDoor(self.machine, calls))
        self._containers = Containers(Pve(self.machine), calls, sources, sources)
        self._tunnels = Tunnels(
            stunnel.root(self.machine),
            secret,
            lambda number: stunnel.SimulatedSeat(self.machine, number),
            files_below=self.machine.store.path("files"),
            patience=0.2,
        )

    def observe(self, desired: DesiredState) -> ObservedState:
        """Read everything; never raises for a part that cannot be read."""
        seen = observe.observe(self.machine, desired)
        tunnels = self._tunnels.observe(desired, lambda n: stunnel.closed(self.machine, n))
        return replace(seen, tunnels=tunnels, strays=self._strays(desired))

    def _strays(self, desired: DesiredState) -> tuple[Stray, ...] | Unknown:
        try:
            found = stunnel.every(self.machine)
        except OffctlError as error:
            return Unknown(str(error))
        # Here a container's number stands for its network namespace too.
        networks = {number: number for number in (0, *(c.id for c in desired.containers))}
        return self._tunnels.strays(desired, found, networks)

    def stunnels(self) -> tuple[FoundStunnel, ...] | Unknown:
        """Every stunnel that runs, with what its configuration says but no key."""
        try:
            found = stunnel.every(self.machine)
        except OffctlError as error:
            return Unknown(str(error))
        return self._tunnels.found(found, {each.network: each.network for each in found})

    def storages(self) -> Mapping[str, Storage] | Unknown:
        """Its storages by name."""
        try:
            return Pve(self.machine).storages()
        except OffctlError as error:
            return Unknown(str(error))

    def probe(self, number: int, command: tuple[str, ...]) -> str:
        """What a command inside says when it fails; empty when it does not."""
        return probes.probe(self._calls, number, command)

    def traces(self, after: datetime, *, tasks: bool, pools: tuple[str, ...]) -> Traces:
        """What its task log and the histories of its pools tell; never raises."""
        del after
        return records.read(self.machine, tasks=tasks, pools=pools)

    def execute(self, action: act.Action) -> None:
        """Do one action and prove that it is done. Raises HostError."""
        try:
            self._execute(action)
        except HostError:
            raise
        except OffctlError as error:
            raise HostError(str(error), hint=error.hint) from error
        except CommandError as error:
            raise HostError(f"cannot read zfs: {error.message}") from error
        except OSError as error:
            raise HostError(f"cannot read {error.filename}: {error.strerror}") from error

    def _execute(self, action: act.Action) -> None:  # noqa: PLR0912
        match action:
            case act.CreateDataset():
                self._datasets.create(action)
            case act.SetProperties():
                self._datasets.set_properties(action)
            case act.InheritProperties():
                self._datasets.inherit(action)
            case act.MountDataset():
                self._datasets.mount(action)
            case act.MakeDirectory():
                with self.machine.store.locked():
                    directories.make(self.machine, action)
            case act.SetAccess():
                with self.machine.store.locked():
                    directories.set_access(self.machine, action)
            case act.GrantSubids():
                with self.machine.store.locked():
                    self._grant(action)
            case act.CreateContainer():
                self._containers.create(action)
            case act.SetContainer():
                self._containers.set(action)
            case act.SetIdmap():
                self._containers.set_idmap(action)
            case act.StartContainer():
                self._containers.start(action)
            case act.RestartContainer():
                self._containers.restart(action)
            case act.ShutDownContainer():
                self._containers.shut_down(action)
            case act.MakeTunnelDirectory():
                self._tunnels.make_directory(action)
            case act.RenewTunnels():
                self._tunnels.renew(action)

    def _grant(self, action: act.GrantSubids) -> None:
        for kind, name in subids.FILES:
            content = self.machine.store.read(f"etc/{name}") or b""
            wanted = (wish for wish in action.ranges if wish.kind == kind)
            new = subids.granted(content, wanted)
            if new != content:
                self.machine.store.write(f"etc/{name}", new)
