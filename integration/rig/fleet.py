"""A handful of guests on one LAN, each somebody of its own, and their end whatever happens."""

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
import json
import os
from pathlib import Path
import secrets
import shutil
import time
from types import TracebackType
from typing import Any

from integration.rig import cache, hardware
from integration.rig.golden import Golden
from integration.rig.hardware import Hardware
from integration.rig.hub import Hub
from integration.rig.machine import Machine

INDEX = "fleet.json"


class Fleet:
    """Guests restored from a saved state, in one directory that goes with them."""

    def __init__(self, size: Hardware, golden: Golden) -> None:
        self._hardware = size
        self._golden = golden
        self._context = cache.run_directory()
        self.home = self._context.__enter__()
        self._machines: dict[str, Machine] = {}
        self._numbers: dict[str, int] = {}
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
        return f"{hardware.LAN}.{self._numbers[name]}"

    def add(self, *names: str) -> tuple[Machine, ...]:
        """Start guests of these names; each knows the addresses of all that are there by then."""
        for name in names:
            self._numbers[name] = 11 + len(self._numbers)
        fresh = [self._start(name, self._golden) for name in names]
        with ThreadPoolExecutor(max(1, len(fresh))) as pool:
            list(pool.map(self._become, fresh))
        return tuple(fresh)

    def save(self, directory: Path) -> None:
        """Write the state of all guests to a directory, for `resume`; their power goes."""
        for machine in self.machines:
            target = directory / machine.name
            target.mkdir()
            machine.save(target / "state")
            for disk in machine.disks:
                shutil.move(disk, target / disk.name)
        (directory / INDEX).write_text(json.dumps(self._numbers))

    def resume(self, directory: Path, *names: str) -> tuple[Machine, ...]:
        """Go on with guests where `save` left them; each is who it was."""
        self._numbers = json.loads((directory / INDEX).read_text())
        golden = self._golden
        again = [
            self._start(name, Golden(directory / name, golden.boot, golden.key)) for name in names
        ]
        with ThreadPoolExecutor(max(1, len(again))) as pool:
            list(pool.map(self._refresh, again))
        return tuple(again)

    def collect(self, target: Path) -> None:
        """Keep everybody's logs."""
        shutil.rmtree(target, ignore_errors=True)
        for machine in self.machines:
            machine.collect(target)

    def close(self) -> None:
        """Everybody's power goes, and every trace."""
        for machine in self.machines:
            machine.kill()
        self.hub.close()
        self._context.__exit__(None, None, None)

    def _start(self, name: str, golden: Golden) -> Machine:
        home = self.home / name
        home.mkdir()
        machine = Machine(name, home, self._hardware, golden.boot, golden.disks(home))
        self._machines[name] = machine
        self.hub.plug(name, home)
        machine.power_on(golden.state)
        return machine

    def _refresh(self, machine: Machine) -> None:
        machine.wait_ready()
        machine.control.call("refresh", **fresh())

    def _become(self, machine: Machine) -> None:
        machine.wait_ready()
        known = "".join(f"{self.address(name)} {name}\n" for name in self._numbers)
        machine.control.call(
            "become",
            name=machine.name,
            hostid=b64encode(os.urandom(4)).decode(),
            machine_id=secrets.token_hex(16),
            hosts=f"127.0.0.1 localhost\n{known}",
            network={
                "mac": f"02:00:00:00:00:{self._numbers[machine.name]:02x}",
                "address": f"{self.address(machine.name)}/24",
            },
            **fresh(),
        )


def fresh() -> dict[str, Any]:
    """What a guest that goes on from a saved state must be told: chance, and the time."""
    return {"entropy": b64encode(os.urandom(64)).decode(), "now": time.time()}
