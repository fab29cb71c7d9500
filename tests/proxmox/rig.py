"""An operator at a Proxmox host made of files: our real doors, a simulated pct, zfs and kernel."""

from collections.abc import Iterable
from pathlib import Path

from fakes.kernel import Kernel
from host.simulatedrig import NODE, SimulatedRig
from offctl.desired.model import DesiredState
from offctl.observed import ObservedPool
from offctl.planner import actions as act
from offctl.planner.commands import Command
from offctl_agent.host.datasets import Datasets as DatasetActions
from offctl_agent.host.protocol import Host
from offctl_agent.proxmox.calls import Calls
from offctl_agent.proxmox.host import Datasets, Directories, Pools, ProxmoxHost
from offctl_agent.proxmox.running import Running
from offctl_agent.proxmox.tunnels import TunnelDoor
from offctl_agent.simulated import calls, datasets, directories, observe
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.sources import Sources


class SimulatedDatasets(DatasetActions):
    """Satisfies the door to datasets."""

    unready: tuple[tuple[str, str], ...] = ()
    space: tuple[ObservedPool, ...] = ()

    def __init__(self, machine: Machine, inner: calls.Calls) -> None:
        super().__init__(datasets.DatasetDoor(machine, inner))
        self._machine = machine

    def observe(self, desired: DesiredState) -> tuple[Pools, Datasets]:
        return observe._pools(self._machine), observe._datasets(self._machine)


class SimulatedDirectories(Sources):
    """Satisfies the door to directories."""

    def observe(self, paths: Iterable[str]) -> Directories:
        return tuple((path, observe._directory(self._machine, path)) for path in paths)

    def make(self, action: act.MakeDirectory) -> None:
        with self._machine.store.locked():
            directories.make(self._machine, action)

    def set_access(self, action: act.SetAccess) -> None:
        with self._machine.store.locked():
            directories.set_access(self._machine, action)


class RenderedCalls(Calls):
    """Programs that run at once, after which the kernel shows what they did."""

    def __init__(self, inner: calls.Calls, kernel: Kernel) -> None:
        super().__init__()
        self.inner = inner
        self.kernel = kernel
        self.asked: list[Command] = []

    def run(self, doing: str, argv: Command) -> None:
        self.asked.append(argv)
        try:
            self.inner.run(doing, argv)
        finally:
            self.kernel.render()


class ProxmoxRig(SimulatedRig):
    """The same operator, the same directory; the agent looks at it as at a real host."""

    def __init__(self, root: Path, services: tuple[str, ...] = ()) -> None:
        super().__init__(root)
        self.kernel = Kernel(self.machine, root, services)
        inner = calls.Calls(self.machine)
        self.calls = RenderedCalls(inner, self.kernel)
        running = Running(root, pause=0)
        self.proxmox = ProxmoxHost(
            root,
            NODE,
            SimulatedDatasets(self.machine, inner),
            SimulatedDirectories(self.machine),
            TunnelDoor(root, running),
            running=running,
            calls=self.calls,
        )
        self.kernel.render()

    @property
    def host(self) -> Host:
        self.kernel.render()
        return self.proxmox

    def run(self, *argv: str) -> int:
        code = super().run(*argv)
        self.kernel.render()
        return code

    def damage(self, fault: str, value: str = "") -> None:
        super().damage(fault, value)
        if fault == "no_quorum":
            self._configuration.chmod(0o555)
        if fault == "pve_not_mounted":
            (self.root / "etc/pve/local").rename(self.root / "local.aside")

    def mend(self) -> None:
        super().mend()
        aside = self.root / "local.aside"
        if aside.is_symlink():
            aside.rename(self.root / "etc/pve/local")
        self._configuration.chmod(0o755)

    @property
    def _configuration(self) -> Path:
        return self.root / f"etc/pve/nodes/{NODE}/lxc"
