"""A whole site on guests, set up by the commands an operator types: coordinator, hosts, operator.

The operator is this machine: their programs are the ones of this source tree, and they reach the
coordinator through a forwarded port, as from anywhere.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
from typing import Any

from integration.rig.fleet import Fleet
from integration.rig.machine import Machine
from integration.suites import ground
from integration.suites.desk import BIN, TRUST, Desk

HERE = Path(__file__).resolve().parent
COORDINATOR = "coordinator"
HOSTS = ("off1", "off2", "ovh1")
PORT = 7643
# Seconds between two looks of an agent; the deadlines below hold for slow guests.
INTERVAL = 5
SETTLE = 600


class Scene:
    """Machines with the packages installed, and the operator's desk."""

    def __init__(self, fleet: Fleet, coordinator: Machine, hosts: Sequence[Machine]) -> None:
        self.fleet = fleet
        self.coordinator = coordinator
        self.hosts = {host.name: host for host in hosts}
        self.desk = Desk(fleet.home / "desk")
        self.site = self.desk.site
        shutil.copytree(HERE / "site", self.site)
        for folder in ("identities", "more"):
            (self.site / folder).mkdir(exist_ok=True)

    @property
    def _configuration(self) -> Path:
        return self.desk.directory / "operator.toml"

    def host(self, name: str) -> Machine:
        """One host."""
        return self.hosts[name]

    # --- the operator

    def offctl(self, *arguments: str | Path, expect: int | None = 0) -> str:
        """One of the operator's commands; its exit status must be as expected."""
        done = self._operate(BIN / "offctl", *arguments)
        said = done.stdout + done.stderr
        assert expect is None or done.returncode == expect, f"offctl {arguments}: {said}"
        return said

    def _operate(self, *argv: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(argument) for argument in argv],
            cwd=self.desk.directory,
            env={**os.environ, "OFFCTL_CONFIG": str(self._configuration), "COLUMNS": "118"},
            capture_output=True,
            text=True,
            check=False,
            timeout=SETTLE + 60,
        )

    def status(self) -> dict[str, dict[str, Any]]:
        """What `offctl status` says of each host; empty when the coordinator is not reached."""
        said = self.offctl("status", "--json", expect=None)
        if not said.startswith("{"):
            return {}
        return {entry["host"]: entry for entry in json.loads(said)["hosts"]}

    def states(self) -> dict[str, str]:
        """The word for each host."""
        return {name: str(entry["state"]) for name, entry in self.status().items()}

    def sign_and_publish(self) -> int:
        """Make a release of the site as it is now; its serial."""
        self.offctl("check", "site")
        self.offctl("publish", self.desk.sign())
        return self.desk.serial

    def settle(self, **others: str) -> None:
        """Wait until all have said from now on that they are as released, `others` their word."""
        wanted = {**dict.fromkeys(self.hosts, "converged"), **others}
        pairs = (f"{name}={word}" for name, word in wanted.items())
        done = self._operate(sys.executable, "-P", HERE / "watching.py", str(SETTLE), *pairs)
        assert done.returncode == 0, f"{done.stderr}\n{self.offctl('status', expect=None)}"

    def write(self, name: str, text: str) -> None:
        """One more file of the site."""
        (self.site / "more" / name).write_text(text)

    # --- setting up

    def start(self) -> None:
        """From installed packages to couriers and agents that run; nothing is published yet."""
        with ThreadPoolExecutor(1) as pool:
            served = pool.submit(self.serve)
            self.each(ground.prepare)
            served.result()
        self.each(self.join)

    def serve(self) -> None:
        """A coordinator that runs, and the keys it needs."""
        self.make_keys()
        self.start_coordinator()

    def each(self, act: Callable[[Machine], Any]) -> None:
        """Do something on every host at once."""
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            list(pool.map(act, self.hosts.values()))

    def make_keys(self) -> None:
        """The operator's and the coordinator's keys, and the trust root of their public parts."""
        said = self.coordinator.out("offctl-coordinator", "init", "/etc/offctl", "--name", "main")
        certificate = self.desk.directory / "server.cert.pem"
        certificate.write_bytes(self.coordinator.get("/etc/offctl/server.cert.pem"))
        self.desk.trust("rig", said, certificate.name)

    def start_coordinator(self) -> None:
        """Give it the trust root and start it."""
        self.coordinator.put("/etc/offctl/trust.toml", self.desk.directory / TRUST)
        self.coordinator.run("systemctl", "start", "offctl-coordinator")
        self.find_coordinator()

    def find_coordinator(self) -> None:
        """Tell the operator's desk where it is."""
        self._configuration.write_text(
            f'[coordinator]\naddress = "127.0.0.1:{self.coordinator.forward(PORT)}"\n'
            f'trust = "{TRUST}"\ncertificate = "desk.crt"\nkey = "desk.key"\n'
        )

    def join(self, host: Machine) -> None:
        """Make a host's keys, pin them in the site, and start its two programs."""
        address = f"{self.coordinator.name}:{PORT}"
        init = ("offctl-agent", "init", "--host", host.name, "--coordinator", address)
        lines = host.out(*init)
        (self.site / "identities" / f"{host.name}.toml").write_text(lines + "\n")
        config = host.text("/etc/offctl/agent.toml")
        config = re.sub(r"(?m)^interval = .*\n", "", config)
        host.put("/etc/offctl/agent.toml", f"interval = {INTERVAL}\n{config}")
        host.put("/etc/offctl/trust.toml", self.desk.directory / TRUST)
        host.run("systemctl", "start", "offctl-courier", "offctl-agent")

    # --- once for many tests

    def save(self, directory: Path) -> None:
        """Keep guests and desk for `resumed`."""
        self.fleet.save(directory)
        shutil.copytree(self.desk.directory, directory / "desk")
        (directory / "releases").write_text(str(self.desk.serial))

    @staticmethod
    def resumed(fleet: Fleet, directory: Path, *names: str) -> "Scene":
        """The scene that was saved, going on: the coordinator and these hosts, or all."""
        coordinator, *hosts = fleet.resume(directory, COORDINATOR, *(names or HOSTS))
        scene = Scene(fleet, coordinator, hosts)
        shutil.rmtree(scene.desk.directory)
        shutil.copytree(directory / "desk", scene.desk.directory)
        scene.desk.serial = int((directory / "releases").read_text())
        scene.find_coordinator()
        scene.settle()
        return scene
