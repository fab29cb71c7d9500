"""A real place with stunnel in it: a running container, or the host itself; satisfies Seat.

A container is only ever changed from inside, by its own programs; what these say is believed about
the container alone. What its processes have open, the kernel of the host says. To see that all is
as it should be no program is started; what cannot be seen so, or is not so, is asked from inside.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
import contextlib
from dataclasses import dataclass, field
from pathlib import Path
import sys
from typing import Protocol

from offctl.desired import tunnelplaces
from offctl.errors import HostError
from offctl_agent.host import failures
from offctl_agent.host.stunnel import configuration, connecting, outside, processes
from offctl_agent.host.stunnel.directory import MAX_FILE, Owner
from offctl_agent.host.stunnel.outside import Signature
from offctl_agent.host.stunnel.processes import Process
from offctl_agent.host.stunnel.sockets import LISTENING, Address

# Where a container sees the directories of its instances.
INSIDE = tunnelplaces.INSIDE
# A trial that nobody ends, because the agent was killed, ends by itself.
TRIAL_SECONDS = 30
# Ample: on a starved host systemd takes more than half a minute to read its units again.
_LIMIT = 120.0
# What systemd starts at boot, where `systemctl enable` writes it.
_WANTS = "/etc/systemd/system/multi-user.target.wants"
_MAX_ID = 65_535


class Finished(Protocol):
    """A program that has ended."""

    @property
    def status(self) -> int: ...
    @property
    def stdout(self) -> bytes: ...
    @property
    def stderr(self) -> str: ...


class Run(Protocol):
    """The door through which programs are started; raises HostError when one cannot be."""

    def __call__(self, argv: Sequence[str], *, timeout: float) -> Finished: ...


Shift = Callable[[str, int], int]
# What was said of a key file when it looked like this, by the place's words and the path.
Remembered = dict[tuple[tuple[str, ...], str], tuple[Signature, str]]


@dataclass(frozen=True, slots=True)
class Place:
    """`inside` are the words before a command that runs there; `pid` is a process that lives there.

    `shift` gives the host's id for a container's id of kind "u" or "g"; `directory` is where the
    place sees its instances' directories. `remembered` may be longer-lived than the place.
    """

    inside: tuple[str, ...]
    directory: str
    pid: int
    run: Run
    shift: Shift
    proc: Path = processes.PROC
    remembered: Remembered = field(default_factory=dict)

    def owner(self) -> Owner:
        words = self._group() or self._ask(
            "look up the group of stunnel", "getent", "group", configuration.USER
        ).strip().split(":")
        if len(words) < 3 or words[0] != configuration.USER or not words[2].isdecimal():
            raise self._failed("look up the group of stunnel", "is stunnel4 installed there?")
        group = int(words[2])
        if not 0 < group <= _MAX_ID:
            raise self._failed("look up the group of stunnel", f"{group} is not a group of its own")
        return self.shift("u", 0), self.shift("g", group)

    def addresses(self) -> tuple[Address, ...]:
        return processes.own_addresses(self.pid, self.proc)

    def ports(self) -> frozenset[int]:
        there = processes.table(self.pid, self.proc)
        return frozenset(socket.port for socket in there if socket.state == LISTENING)

    def process(self, configuration: str) -> Process | None:
        network = processes.network_of(self.pid, self.proc)
        return processes.find(network, configuration, self.proc)

    def missing(self, instance: str) -> tuple[str, ...]:
        wanted = self._links(instance)
        if self._arranged(instance):
            return ()
        # -maxdepth 0 names each path itself; one that is not there is only a complaint on stderr.
        found = self.run(
            (*self.inside, "find", *wanted, "-maxdepth", "0", "-printf", "%p\\t%l\\n"),
            timeout=_LIMIT,
        )
        there = dict(
            line.split("\t", 1)
            for line in found.stdout.decode(errors="replace").splitlines()
            if "\t" in line
        )
        if found.status and any(
            "No such file" not in line for line in found.stderr.strip().splitlines()
        ):
            raise self._failed("look for the files of stunnel", failures.bounded(found.stderr))
        told = []
        for path, target in wanted.items():
            if path not in there:
                told.append(f"link {path}")
            elif there[path] != target:
                what = f"a link to {there[path]}" if there[path] else "something else"
                cause = f'{path} is {what}; move it away, or keep it by `psk = "keep"`'
                raise failures.refusal("set up stunnel", failures.CONFLICT, cause)
        # is-enabled exits with 1 for what it was asked to tell.
        argv = (*self.inside, "systemctl", "is-enabled", _unit(instance))
        if self.run(argv, timeout=_LIMIT).stdout.decode(errors="replace").strip() != "enabled":
            told.append("start at boot")
        return tuple(told)

    def arrange(self, instance: str) -> None:
        doing = f"set up stunnel {instance}"
        absent = self.missing(instance)
        for path, target in self._links(instance).items():
            if f"link {path}" in absent:
                # -T: never into a directory that is there; without -f nothing is replaced.
                self._ask(doing, "ln", "-sT", target, path)
        # Reads all units again, too, also when there was nothing to enable.
        self._ask(doing, "systemctl", "enable", _unit(instance))

    def start(self, instance: str) -> None:
        self._ask(f"start stunnel {instance}", "systemctl", "start", _unit(instance))

    def reload(self, instance: str) -> None:
        self._ask(f"reload stunnel {instance}", "systemctl", "reload", _unit(instance))

    def restart(self, instance: str) -> None:
        self._ask(f"restart stunnel {instance}", "systemctl", "restart", _unit(instance))

    def launch(self, instance: str, configuration: str) -> None:
        self._ask(
            f"try stunnel {instance}",
            "systemd-run",
            "--collect",
            f"--unit={_trial(instance)}",
            f"--property=RuntimeMaxSec={TRIAL_SECONDS}",
            "--property=LimitCORE=0",
            *command(configuration),
        )

    def halt(self, instance: str) -> None:
        # A unit that is gone already cannot be stopped, and need not be.
        self.run((*self.inside, "systemctl", "stop", _trial(instance)), timeout=_LIMIT)

    def read(self, path: str) -> bytes:
        with contextlib.suppress(OSError), outside.tree(self.proc, self.pid) as tree:
            return outside.read(tree, path, MAX_FILE)
        return self._ask(f"read {path}", "cat", "--", path).encode()

    def key_complaint(self, path: str) -> str:
        now: Signature = ()
        with contextlib.suppress(OSError), outside.tree(self.proc, self.pid) as tree:
            now = outside.signature(tree, path)
        before, said = self.remembered.get((self.inside, path), ((), ""))
        if not now or now != before:
            said = self._key_complaint(path)
            self.remembered[self.inside, path] = now, said
        return said

    def _key_complaint(self, path: str) -> str:
        mode = self._ask(f"look at {path}", "stat", "--format=%a", "--", path).strip()
        if not mode.endswith("0"):
            return f"{path} has mode {mode}: others can read it"
        # Counts lines that are no IDENTITY:KEY; what they hold never comes here.
        argv = (*self.inside, "grep", "-cvE", "^[^:[:space:]]+:[!-~]{16,}$", "--", path)
        found = self.run(argv, timeout=_LIMIT)
        count = found.stdout.decode(errors="replace").strip()
        if not count.isdecimal():
            raise self._failed(f"look at {path}", failures.bounded(found.stderr))
        return "" if count == "0" else f"{path} has {count} lines that are not IDENTITY:KEY"

    def prove(self, addresses: Iterable[str], seconds: float) -> Mapping[str, str]:
        argv = (
            "systemd-run",
            "--pipe",
            "--wait",
            "--collect",
            "--quiet",
            "--property=DynamicUser=yes",
            f"--property=NetworkNamespacePath={self.proc}/{self.pid}/ns/net",
            *prover(addresses, seconds),
        )
        found = self.run(argv, timeout=seconds + _LIMIT)
        if found.status:
            raise failures.failure("try the tunnels", argv, found.status, found.stderr)
        return proven(found.stdout)

    def _group(self) -> list[str]:
        """The line of stunnel's group; nothing when it cannot be seen from outside."""
        with contextlib.suppress(OSError), outside.tree(self.proc, self.pid) as tree:
            lines = outside.read(tree, "/etc/group", MAX_FILE).decode(errors="replace").splitlines()
            words = (line.split(":") for line in lines)
            return next((each for each in words if each[0] == configuration.USER), [])
        return []

    def _arranged(self, instance: str) -> bool:
        """Whether everything is seen to be in its place."""
        with contextlib.suppress(OSError), outside.tree(self.proc, self.pid) as tree:
            links = self._links(instance)
            at_boot = outside.target(tree, f"{_WANTS}/{_unit(instance)}")
            in_place = all(outside.target(tree, path) == its for path, its in links.items())
            return in_place and at_boot in (*links, *links.values())
        return False

    def _links(self, instance: str) -> dict[str, str]:
        """What has to be in the place itself, and where it leads."""
        return {
            f"/etc/stunnel/{instance}.conf": f"{self.directory}/{instance}/{instance}.conf",
            f"/etc/systemd/system/{_unit(instance)}": (
                # systemd takes a link under another name for an alias.
                f"{self.directory}/{instance}/{_unit(instance)}"
            ),
        }

    def _ask(self, doing: str, *command: str) -> str:
        argv = (*self.inside, *command)
        found = self.run(argv, timeout=_LIMIT)
        if found.status:
            raise failures.failure(doing, argv, found.status, found.stderr)
        return found.stdout.decode(errors="replace")

    def _failed(self, doing: str, cause: str) -> HostError:
        return failures.refusal(doing, failures.FAILED, cause)


def container(
    number: int,
    pid: int,
    run: Run,
    shift: Shift,
    *,
    proc: Path = processes.PROC,
    remembered: Remembered | None = None,
) -> Place:
    """The place inside a running container, `pid` its init as the host numbers it."""
    memory = {} if remembered is None else remembered
    return Place(("pct", "exec", str(number), "--"), INSIDE, pid, run, shift, proc, memory)


def host(
    directory: Path,
    run: Run,
    *,
    proc: Path = processes.PROC,
    remembered: Remembered | None = None,
) -> Place:
    """The host itself, whose stunnel reads the directory where it is."""
    memory = {} if remembered is None else remembered
    return Place((), str(directory), 1, run, lambda _, number: number, proc, memory)


def command(configuration_file: str) -> tuple[str, ...]:
    """How stunnel is started."""
    return (configuration.PROGRAM, configuration_file)


def prover(addresses: Iterable[str], seconds: float) -> tuple[str, ...]:
    """How the program that proves connections is started."""
    # -I: nothing from the directory it happens to run in, nor from its environment; so it is named
    # by its file, wherever the product is installed.
    return (sys.executable, "-I", connecting.__file__, f"{seconds:g}", *addresses)


def proven(output: bytes) -> dict[str, str]:
    """What that program said."""
    lines = (line.partition("\t") for line in output.decode(errors="replace").splitlines())
    return {address: reason for address, _, reason in lines}


def _unit(instance: str) -> str:
    return f"stunnel@{instance}.service"


def _trial(instance: str) -> str:
    return f"offctl-trial-{instance}.service"
