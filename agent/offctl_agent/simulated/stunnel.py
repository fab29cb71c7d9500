"""stunnel in the containers of a simulated host: its files are real, its processes are not.

A process is what it read when it was started or told to: what it listens to, kept where a reboot
of its container loses it. It reads as the real one does: a file it cannot understand changes
nothing when it runs, and keeps it from starting. Broken things stand in `faults.toml`:

stunnel_deaf = true               # told to read its files again it does nothing, and says nothing
tunnels_broken = ["10.1.0.113:6379"]   # connections through these addresses do not stay up
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import ipaddress
import os
from pathlib import Path

from offctl import files, propertystring
from offctl.desired import tunnelplaces
from offctl.errors import HostError, OffctlError
from offctl_agent.host import failures, pctconf
from offctl_agent.host.stunnel import configuration, places
from offctl_agent.host.stunnel.directory import MAX_FILE, Owner
from offctl_agent.host.stunnel.processes import Process
from offctl_agent.host.stunnel.sockets import Address
from offctl_agent.simulated import running
from offctl_agent.simulated.machine import ROOT_FILES, Machine
from offctl_agent.simulated.pve import Pve

PROCESSES = "run/stunnel"
ENABLED = "etc/stunnel"
ADDRESSES = "etc/addresses"
_PROGRAM_ID = 1


def root(machine: Machine) -> Path:
    """The real directory that stands for the one of all instances."""
    return machine.store.path(f"{ROOT_FILES}{tunnelplaces.ON_HOST}")


@dataclass(frozen=True, slots=True)
class SimulatedSeat:
    """One container of a simulated host, or (0) the host; satisfies Seat."""

    machine: Machine
    number: int

    @property
    def directory(self) -> str:
        return places.INSIDE if self.number else tunnelplaces.of_container(0)

    def owner(self) -> Owner:
        # Whoever runs the simulation: a test need not be root.
        return os.getuid(), os.getgid()

    def addresses(self) -> tuple[Address, ...]:
        if not self.number:
            texts = (self.machine.store.read(ADDRESSES) or b"").decode().split()
            return tuple(ipaddress.ip_address(text) for text in texts)
        file = pctconf.parse(Pve(self.machine).read(self.number) or b"")
        values = [value for key, value in file.options if key.startswith("net")]
        found = []
        for value in values:
            parts = propertystring.parse(value)
            for key in ("ip", "ip6"):
                text = parts.get(key, "").partition("/")[0]
                if text and text not in ("dhcp", "auto", "manual"):
                    found.append(ipaddress.ip_address(text))
        return tuple(found)

    def ports(self) -> frozenset[int]:
        listening = [socket for each in self.processes().values() for socket in each]
        return frozenset(int(socket.rpartition(":")[2]) for socket in listening)

    def process(self, configuration: str) -> Process | None:
        there = self.processes()
        if configuration not in there:
            return None
        return Process(_PROGRAM_ID, configuration, self.number, tuple(there[configuration]))

    def missing(self, instance: str) -> tuple[str, ...]:
        return () if instance in self._enabled() else ("start at boot",)

    def arrange(self, instance: str) -> None:
        with self.machine.store.locked():
            self.machine.store.make_directory(ENABLED)
            self.machine.store.write_json(
                f"{ENABLED}/{self.number}.json", sorted({*self._enabled(), instance})
            )

    def start(self, instance: str) -> None:
        main = f"{self.directory}/{instance}/{instance}.conf"
        self._run(main, self._read(main))

    def reload(self, instance: str) -> None:
        if self.machine.faults().stunnel_deaf:
            return
        main = f"{self.directory}/{instance}/{instance}.conf"
        try:
            self._run(main, self._read(main))
        except HostError:
            return  # it says so in its log, and goes on with what it had

    def restart(self, instance: str) -> None:
        self.start(instance)

    def launch(self, instance: str, configuration: str) -> None:
        del instance  # only a real one needs a unit with a name
        self._run(configuration, self._read(configuration))

    def halt(self, instance: str) -> None:
        trial = f"{self.directory}/{instance}/trial/{instance}.conf"
        self._save({k: v for k, v in self.processes().items() if k != trial})

    def read(self, path: str) -> bytes:
        return files.require(self._inside(path), limit=MAX_FILE)

    def key_complaint(self, path: str) -> str:
        mode = self._inside(path).stat().st_mode & 0o777
        if mode & 0o7:
            return f"{path} has mode {mode:o}: others can read it"
        lines = files.require(self._inside(path), limit=MAX_FILE).decode().splitlines()
        count = sum(":" not in line for line in lines)
        return f"{path} has {count} lines that are not IDENTITY:KEY" if count else ""

    def _inside(self, path: str) -> Path:
        """A file that people made in the container, where the simulation keeps it."""
        return self.machine.store.path(f"inside/{self.number}{path}")

    def prove(self, addresses: Iterable[str], seconds: float) -> Mapping[str, str]:
        del seconds  # simulated connections are cut at once or never
        broken = self.machine.faults().tunnels_broken
        return {
            address: "closed at once: wrong key, or no target behind it"
            if address in broken
            else ""
            for address in addresses
        }

    def _read(self, main: str) -> list[str]:
        """What stunnel would listen to with this configuration. Raises HostError."""
        doing = f"start stunnel on {main}"
        try:
            found = configuration.parse(files.require(self._real(main), limit=MAX_FILE))
            for name, values in found.items():
                if name and "PSKsecrets" in values:
                    path = self._real(values["PSKsecrets"])
                    configuration.parse_keys(files.require(path, limit=MAX_FILE))
            accepts = [values["accept"] for name, values in found.items() if name]
        except (OffctlError, KeyError) as error:
            raise failures.refusal(doing, failures.FAILED, str(error)) from None
        return [a if ":" in a else f"0.0.0.0:{a}" for a in accepts]

    def _real(self, path: str) -> Path:
        """The real file that the place sees at a path; what is not mounted is not seen."""
        own = tunnelplaces.of_container(self.number)
        if self.number:
            state = running.load(self.machine, self.number)
            mounts = () if state is None else state.visible()
            bound = next((m for m in mounts if m.target == places.INSIDE), None)
            if bound is None or not path.startswith(f"{places.INSIDE}/"):
                cause = f"{places.INSIDE} is not mounted"
                raise failures.refusal(f"read {path}", failures.FAILED, cause)
            directory = self.machine.directory(bound.place)
            return directory / path.removeprefix(f"{places.INSIDE}/")
        return root(self.machine) / path.removeprefix(f"{own.rpartition('/')[0]}/")

    def _enabled(self) -> list[str]:
        value = self.machine.store.read_json(f"{ENABLED}/{self.number}.json")
        return [str(each) for each in value] if isinstance(value, list) else []

    def processes(self) -> dict[str, list[str]]:
        """What runs; a container that has just started has started what is enabled."""
        value = self.machine.store.read_json(f"{PROCESSES}/{self.number}.json")
        if isinstance(value, dict):
            return value
        started = {}
        for instance in self._enabled():
            main = f"{self.directory}/{instance}/{instance}.conf"
            try:
                started[main] = self._read(main)
            except HostError:
                continue
        return started

    def _run(self, main: str, listening: list[str]) -> None:
        self._save({**self.processes(), main: listening})

    def _save(self, processes: dict[str, list[str]]) -> None:
        with self.machine.store.locked():
            self.machine.store.make_directory(PROCESSES)
            self.machine.store.write_json(f"{PROCESSES}/{self.number}.json", processes)


def closed(machine: Machine, number: int) -> str:
    """Why a container cannot be looked into; empty when it can."""
    state = running.load(machine, number)
    return "" if state is not None else f"container {number} is not running"


def every(machine: Machine) -> tuple[Process, ...]:
    """Every stunnel that runs, in running containers and on the host. Raises OffctlError."""
    return tuple(
        Process(_PROGRAM_ID, path, number, tuple(listening))
        for number in (0, *running.numbers(machine))
        for path, listening in SimulatedSeat(machine, number).processes().items()
    )


def forget(machine: Machine, number: int) -> None:
    """The container has stopped, and its processes with it."""
    if machine.store.read(f"{PROCESSES}/{number}.json") is not None:
        machine.store.remove(f"{PROCESSES}/{number}.json")
