"""A handful of guests on one LAN, each somebody of its own, and their end whatever happens."""

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
import os
from pathlib import Path
import secrets
import time
from types import TracebackType

from integration.rig import cache, hardware
from integration.rig.golden import Golden
from integration.rig.hardware import Hardware
from integration.rig.hub import Hub
from integration.rig.machine import Machine


class Fleet:
    """Guests restored from one saved state, in one directory that goes with them."""

    def __init__(self, size: Hardware) -> None:
        self._hardware = size
        self._context = cache.run_directory()
        self._home = self._context.__enter__()
        self._machines: dict[str, Machine] = {}
        self._addresses: dict[str, str] = {}
        self.hub = Hub()

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __getitem__(self, name: str) -> Machine:
        return self._machines[name]

    @property
    def machines(self) -> tuple[Machine, ...]:
        """All of them, in the order they were added."""
        return tuple(self._machines.values())

    def address(self, name: str) -> str:
        """A guest's address on the LAN."""
        return self._addresses[name]

    def add(self, golden: Golden, *names: str) -> tuple[Machine, ...]:
        """Start guests from a saved state; each knows the names of all that are there by then."""
        fresh = []
        for name in names:
            home = self._home / name
            home.mkdir()
            machine = Machine(name, home, self._hardware, golden.boot, golden.disks(home))
            self._machines[name] = machine
            self._addresses[name] = f"{hardware.LAN}.{10 + len(self._machines)}"
            self.hub.plug(name, home)
            machine.power_on(golden.state)
            fresh.append(machine)
        with ThreadPoolExecutor(max(1, len(fresh))) as pool:
            list(pool.map(self._wake, fresh))
        return tuple(fresh)

    def collect(self, target: Path) -> None:
        """Keep everybody's logs."""
        for machine in self.machines:
            machine.collect(target)

    def close(self) -> None:
        """Everybody's power goes, and every trace."""
        for machine in self.machines:
            machine.kill()
        self.hub.close()
        self._context.__exit__(None, None, None)

    def _wake(self, machine: Machine) -> None:
        machine.wait_ready()
        number = list(self._machines).index(machine.name) + 11
        known = "".join(f"{address} {name}\n" for name, address in self._addresses.items())
        machine.control.call(
            "become",
            name=machine.name,
            entropy=b64encode(os.urandom(64)).decode(),
            now=time.time(),
            hostid=b64encode(os.urandom(4)).decode(),
            machine_id=secrets.token_hex(16),
            hosts=f"127.0.0.1 localhost\n{known}",
            network={
                "mac": f"02:00:00:00:00:{number:02x}",
                "address": f"{self._addresses[machine.name]}/24",
            },
        )
