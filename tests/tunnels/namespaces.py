"""Real stunnel in real network namespaces: the places of a test, and what runs in them.

    wire = Wire()                       # as root; bridges in a namespace of its own
    proxy = wire.place("proxy", {"inside": ["10.1.0.101/24"], "public": ["2001:db8::101/64"]},
                       directory=directory)
    proxy.serve("10.1.0.101", 6379)     # something that answers
    wire.close()                        # whatever happened

A place is a Seat whose systemd is this test. Nothing leaves the namespaces.
"""

from collections.abc import Iterable, Mapping, Sequence
import contextlib
from dataclasses import dataclass, field
import grp
import itertools
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import time

import pytest

from offctl.errors import HostError
from offctl_agent.host.stunnel import places
from offctl_agent.host.stunnel.directory import Owner
from offctl_agent.host.stunnel.places import Place

_NUMBERS = itertools.count(1)
_NETNS = Path("/etc/netns")
_SERVER = Path(__file__).parent / "service.py"


def require() -> None:
    """Root, stunnel and namespaces; on a developer's machine without them there is nothing to try.

    Where CI is set they must be there.
    """
    lacking = [name for name in ("stunnel4", "ip") if shutil.which(name) is None]
    if os.getuid() or lacking:
        reason = f"tunnels are tried as root with stunnel4 and iproute2 (lacking: {lacking})"
        assert "CI" not in os.environ, reason
        pytest.skip(reason)


@dataclass(frozen=True)
class Finished:
    status: int
    stdout: bytes
    stderr: str


def run(argv: Sequence[str], *, timeout: float) -> Finished:
    done = subprocess.run(list(argv), capture_output=True, timeout=timeout, check=False)
    return Finished(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@dataclass
class Wire:
    """Namespaces joined by one bridge. Names are this process's own and short."""

    prefix: str = field(default_factory=lambda: f"t{os.getpid() % 100_000}x{next(_NUMBERS)}")
    places: list["Netns"] = field(default_factory=list)

    def __post_init__(self) -> None:
        require()
        self.hub = f"{self.prefix}h"
        self.bridges: set[str] = set()
        ip("netns", "add", self.hub)

    def place(
        self, name: str, addresses: Mapping[str, Sequence[str]], *, directory: Path, hosts: str = ""
    ) -> "Netns":
        """A namespace with an interface on each bridge named; `hosts` is its /etc/hosts."""
        number = len(self.places)
        space = f"{self.prefix}n{number}"
        ip("netns", "add", space)
        if hosts:
            # ip-netns(8) shows what is there in place of the machine's own.
            (_NETNS / space).mkdir(parents=True)
            (_NETNS / space / "hosts").write_text(hosts)
        ip("-n", space, "link", "set", "lo", "up")
        for bridge, texts in addresses.items():
            self._connect(space, f"{bridge[:8]}{number}", bridge, texts)
        holder = subprocess.Popen(["ip", "netns", "exec", space, "sleep", "infinity"])
        _wait_for(lambda: _namespace(holder.pid) != _namespace(os.getpid()))
        made = Netns(
            inside=("ip", "netns", "exec", space),
            directory=str(directory),
            pid=holder.pid,
            run=run,
            shift=lambda _, identity: identity,
            name=name,
            space=space,
        )
        made.children.append(holder)
        self.places.append(made)
        return made

    def _connect(self, space: str, name: str, bridge: str, addresses: Iterable[str]) -> None:
        if bridge not in self.bridges:
            ip("-n", self.hub, "link", "add", bridge, "type", "bridge")
            ip("-n", self.hub, "link", "set", bridge, "up")
            self.bridges.add(bridge)
        far = f"f{name}"
        ip("-n", self.hub, "link", "add", name, "type", "veth", "peer", "name", far)
        ip("-n", self.hub, "link", "set", far, "netns", space)
        ip("-n", self.hub, "link", "set", name, "master", bridge, "up")
        for address in addresses:
            nodad = ["nodad"] if ":" in address else []
            ip("-n", space, "address", "add", address, "dev", far, *nodad)
        ip("-n", space, "link", "set", far, "up")

    def close(self) -> None:
        for place in self.places:
            place.close()
        for place in self.places:
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "delete", place.space)
            shutil.rmtree(_NETNS / place.space, ignore_errors=True)
        ip("netns", "delete", self.hub)


@dataclass(frozen=True)
class Netns(Place):
    """One namespace; stunnel's units are children of this process."""

    name: str = ""
    space: str = ""
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    units: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    # What systemd was asked to do, in order.
    asked: list[str] = field(default_factory=list)
    log: list[Path] = field(default_factory=list)
    # What runs instead of stunnel when it is only tried.
    broken: list[str] = field(default_factory=list)
    # Words before stunnel when it is another one than the machine's own.
    rooted: list[str] = field(default_factory=list)
    # Owner and group that files get, when not those that are right.
    given: list[Owner] = field(default_factory=list)

    def owner(self) -> Owner:
        return self.given[0] if self.given else (0, grp.getgrnam("stunnel4").gr_gid)

    def missing(self, instance: str) -> tuple[str, ...]:
        return ()

    def arrange(self, instance: str) -> None:
        self.asked.append("arrange")

    def start(self, instance: str) -> None:
        self.asked.append("start")
        main = f"{self.directory}/{instance}/{instance}.conf"
        self.units[instance] = self.spawn(*self.rooted, *places.command(main))

    def reload(self, instance: str) -> None:
        self.asked.append("reload")
        self.units[instance].send_signal(signal.SIGHUP)

    def restart(self, instance: str) -> None:
        self.asked.append("restart")
        self.stop(instance)
        self.start(instance)
        self.asked.pop()

    def launch(self, instance: str, configuration: str) -> None:
        self.asked.append("launch")
        before = self.units.get(f"trial-{instance}")
        if before is not None and before.poll() is None:
            # As systemd would: there is a unit of that name.
            raise HostError("cannot try stunnel: its unit is there already")
        command = self.broken or (*self.rooted, *places.command(configuration))
        self.units[f"trial-{instance}"] = self.spawn(*command)

    def halt(self, instance: str) -> None:
        self.stop(f"trial-{instance}")

    def prove(self, addresses: Iterable[str], seconds: float) -> Mapping[str, str]:
        done = run((*self.inside, *places.prover(addresses, seconds)), timeout=60)
        assert done.status == 0, done.stderr
        return places.proven(done.stdout)

    def stop(self, instance: str) -> None:
        unit = self.units.pop(instance, None)
        if unit is not None:
            unit.kill()
            unit.wait()

    def spawn(self, *argv: str) -> subprocess.Popen[bytes]:
        """Start a program here; it ends with the test."""
        path = Path(self.directory) / f"{self.space}.log"
        if path not in self.log:
            self.log.append(path)
        with path.open("ab") as log:
            child = subprocess.Popen([*self.inside, *argv], stdout=log, stderr=log)
        self.children.append(child)
        return child

    def said(self) -> str:
        """What everything that ran here said."""
        return "".join(path.read_text(errors="replace") for path in self.log)

    def serve(self, address: str, port: int) -> subprocess.Popen[bytes]:
        """A service that answers each line with its own address and the line."""
        child = self.spawn(sys.executable, str(_SERVER), address, str(port))
        _wait_for(lambda: port in self.ports())
        return child

    def ask(self, address: str, line: str) -> str:
        """What a service says to one line, "" when the connection is cut."""
        host, _, port = address.rpartition(":")
        done = run(
            (*self.inside, sys.executable, str(_SERVER), "ask", host, port, line), timeout=30
        )
        return done.stdout.decode().strip()

    def hold(self, address: str) -> subprocess.Popen[bytes]:
        """A connection that has been answered once and is kept open; it ends when it is cut."""
        host, _, port = address.rpartition(":")
        argv = [*self.inside, sys.executable, str(_SERVER), "hold", host, port]
        child = subprocess.Popen(argv, stdout=subprocess.PIPE)
        self.children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline().strip() == b"up"
        return child

    def close(self) -> None:
        for child in self.children:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            child.wait()
            if child.stdout is not None:
                child.stdout.close()


def _namespace(pid: int) -> int:
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


def _wait_for(condition: object, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until, "it did not come to be"
        time.sleep(0.01)
