"""/etc/pve of a simulated host: configuration files, guests of the cluster, storages."""

import json
import os

from offctl.errors import AdminError
from offctl_agent.host import failures, storages
from offctl_agent.host.doors import Change
from offctl_agent.host.storages import Storage
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.result import CommandError

LOCAL = "etc/pve/local"
STORAGES = "etc/pve/storage.cfg"
VMLIST = "etc/pve/.vmlist"
NOT_MOUNTED = "/etc/pve is not mounted: /etc/pve/local is missing"


class Pve:
    """The configuration file system as one host sees it, quorate or not, mounted or not."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._store = machine.store

    @property
    def directory(self) -> str:
        """Where this node's container configuration lives."""
        return f"etc/pve/nodes/{self._machine.node}/lxc"

    def missing(self) -> str:
        """Why nothing can be concluded from /etc/pve; empty when it is really there."""
        local = self._store.path(LOCAL)
        gone = self._machine.faults().pve_not_mounted or not local.is_symlink()
        if gone:
            return NOT_MOUNTED
        node = local.readlink().name
        if node != self._machine.node:
            return f"/etc/pve/local belongs to node {node}, not to {self._machine.node}"
        return ""

    def quorate(self) -> bool:
        """Whether /etc/pve can be written."""
        return not self._machine.faults().no_quorum

    def numbers(self) -> tuple[int, ...]:
        """The ids of this node's containers. Raises AdminError when /etc/pve is not there."""
        if reason := self.missing():
            raise AdminError(f"cannot list containers: {reason}")
        names = os.listdir(self._store.path(self.directory))
        ids = (name.removesuffix(".conf") for name in names if name.endswith(".conf"))
        return tuple(sorted(int(number) for number in ids if number.isdecimal()))

    def read(self, number: int) -> bytes | None:
        """A configuration file; None when there is none here. Raises AdminError."""
        return self._store.read(f"{self.directory}/{number}.conf")

    def write(self, number: int, content: bytes) -> None:
        """Replace a configuration file. Raises CommandError without quorum."""
        if not self.quorate():
            name = f"/etc/pve/nodes/{self._machine.node}/lxc/{number}.conf.tmp.{os.getpid()}"
            raise CommandError(f"unable to open file '{name}' - Permission denied", 2)
        self._store.write(f"{self.directory}/{number}.conf", content)

    def edit(self, number: int, change: Change) -> None:
        """Replace a configuration file by what `change` makes of it. Raises HostError."""
        doing = f"edit the file of container {number}"
        with self._store.locked():
            old = self.read(number)
            if old is None:
                raise failures.refusal(doing, failures.CONFLICT, "it does not exist")
            new = change(old)
            if new != old:
                self.write(number, new)

    def remove(self, number: int) -> None:
        """Remove a configuration file (a create that failed)."""
        self._store.remove(f"{self.directory}/{number}.conf")

    def vmlist(self) -> bytes:
        """Every guest of the cluster, in the format of .vmlist; pmxcfs makes it up as well."""
        ids = {}
        nodes = self._store.path("etc/pve/nodes")
        for kind, folder in (("lxc", "lxc"), ("qemu", "qemu-server")):
            for path in sorted(nodes.glob(f"*/{folder}/*.conf")):
                if path.stem.isdecimal():
                    ids[path.stem] = {"node": path.parts[-3], "type": kind, "version": 1}
        return json.dumps({"version": len(ids), "ids": ids}).encode() + b"\n"

    def save_vmlist(self) -> None:
        """Keep .vmlist for whoever reads the directory."""
        self._store.write(VMLIST, self.vmlist())

    def storages(self) -> dict[str, Storage]:
        """The storages by name. Raises MalformedError."""
        return storages.parse(self._store.read(STORAGES) or b"")
