"""Two hosts linked by tunnels, in containers and by themselves, and the operator of both.

Everything is made by the programs from signed text: containers from a template with systemd and
stunnel, files, units, keys. Releases are laid into the inboxes, as the couriers would.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
import json
from pathlib import Path
import re
import shutil
import time
from typing import Any

from canary import Canary
from integration.rig.fleet import Fleet
from integration.rig.machine import Machine
from integration.suites import proxmox
from integration.suites.desk import INBOX, OUTBOX, Desk
from integration.suites.inside import ROOT

SITE = Path(__file__).resolve().parent / "linked"
SERVICE = ROOT / "tests/tunnels/service.py"
INTERVAL = 5
# Between two looks at a guest that has enough to do.
PAUSE = 2.0
AGENT = "offctl-agent"
SERVERS = {
    "redis/server/1": "loaded",
    "mongo/server/1": "loaded",
    "query/server/1": "loaded",
}
CLIENTS = {
    "redis/client/1": "proven",
    "mongo/client/1": "proven",
    "query/client/1": "proven",
}
CONTAINERS = {"off2": 101, "ovh1": 113}
# Who asks, and where: in a container's network namespace, or (0) on the host itself.
LINKS = {
    "redis": (113, "10.82.0.113", "6379"),
    "mongo": (0, "127.0.0.1", "27017"),
    "query": (113, "10.82.0.113", "5511"),
}
# Where keys are, and nowhere else.
KEYS = "/var/lib/offctl/tunnels/*/*/psk/*.txt"
_TARGET = """\
[Service]
ExecStart=/usr/bin/python3 /srv/service.py 127.0.0.1 7000
Restart=always

[Install]
WantedBy=multi-user.target
"""


class Linked:
    """off2 with the servers, ovh1 with the clients."""

    def __init__(self, fleet: Fleet, desk: Path) -> None:
        self.off2, self.ovh1 = fleet.add("off2", "ovh1")
        self.hosts = {"off2": self.off2, "ovh1": self.ovh1}
        self.desk = Desk(desk)
        self.site = self.desk.site
        self.links = dict(LINKS)
        self.canary = Canary()
        self._lan = {name: fleet.address(name) for name in self.hosts}

    # --- the operator

    def prepare(self) -> None:
        """Empty hosts with keys of their own, all of which the site knows."""
        shutil.copytree(SITE, self.site)
        (self.site / "identities").mkdir()
        for host in self.hosts.values():
            proxmox.lay_out(host)
            self.route(host)
            lines = host.out("offctl-agent", "init", "--host", host.name)
            (self.site / "identities" / f"{host.name}.toml").write_text(lines + "\n")
            config = re.sub(r"(?m)^interval = .*\n", "", host.text("/etc/offctl/agent.toml"))
            host.put("/etc/offctl/agent.toml", f"interval = {INTERVAL}\n{config}")
        trust = self.desk.make_trust("linked")
        for host in self.hosts.values():
            host.put("/etc/offctl/trust.toml", trust)
        self.serve(self.off2, 0)
        self.ovh1.put("/srv/service.py", SERVICE)

    def deliver(self) -> int:
        """Sign the site as it is now and lay it into both inboxes; its serial."""
        self.desk.run("offctl", "check", "site")
        release = self.desk.sign()
        for host in self.hosts.values():
            host.put(INBOX, release)
        return self.desk.serial

    def phase(self, tunnel: str, generation: int, rotation: str = "") -> None:
        """Write where a tunnel's key stands."""
        path = self.site / "tunnels.toml"
        before, heading, after = path.read_text().partition(f"[tunnels.{tunnel}]\n")
        own, end, others = after.partition("\n\n")
        own = re.sub(r"(?m)^(generation|rotation) = .*\n", "", own)
        text = f"generation = {generation}\n" + (f'rotation = "{rotation}"\n' if rotation else "")
        path.write_text(before + heading + text + own + end + others)

    # --- the hosts

    def each(self, act: Any) -> None:
        """Do something on both at once."""
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(act, self.hosts.values()))

    def route(self, host: Machine) -> None:
        """Addresses of the bridge and the way to the other's containers: the host's own affair."""
        here, there = ("81", "82") if host is self.off2 else ("82", "81")
        far = self._lan["ovh1" if host is self.off2 else "off2"]
        host.sh(
            f"ip address replace 10.{here}.0.1/24 dev vmbr0;"
            f"ip route replace 10.{there}.0.0/24 via {far};"
            "echo 1 > /proc/sys/net/ipv4/ip_forward"
        )

    def serve(self, host: Machine, container: int) -> None:
        """A service behind the tunnels that starts at boot."""
        host.until("systemd there", lambda: self._up(host, container), timeout=600)
        for path, text in (
            ("/srv/service.py", SERVICE.read_text()),
            ("/etc/systemd/system/target.service", _TARGET),
        ):
            self.inside(host, container, "sh", "-c", f"cat > {path}", stdin=text)
        self.inside(host, container, "systemctl", "enable", "--now", "target")

    def _up(self, host: Machine, container: int) -> bool:
        said = self.inside(host, container, "systemctl", "is-system-running", check=False)
        return said.strip() in ("starting", "running", "degraded")

    def inside(
        self, host: Machine, container: int, *argv: str, stdin: str = "", check: bool = True
    ) -> str:
        """A command in a container, or (0) on the host."""
        words = ("lxc-attach", "-n", str(container), "--clear-env", "--") if container else ()
        return host.run(*words, *argv, stdin=stdin, check=check).stdout

    def ask(self, link: str, line: str) -> str:
        """What comes back through a link; empty when it is cut."""
        container, address, port = self.links[link]
        pid = self.ovh1.out("lxc-info", "-n", str(container), "-pH") if container else "1"
        words = ("python3", "/srv/service.py", "ask", address, port, line)
        return self.ovh1.out("nsenter", "-t", pid, "-n", *words)

    def report(self, host: Machine) -> dict[str, Any]:
        """The last run's report; empty before the first has ended.

        As a file: starting the agent's own program costs a guest more than many a run.
        """
        newest = f"cd {OUTBOX} && cat $(ls | grep -E '^[0-9]+[.]json$' | sort -n | tail -n 1)"
        said = host.sh(f"{newest} </dev/null", check=False).stdout
        found: dict[str, Any] = json.loads(said) if said.startswith("{") else {}
        return found

    def settled(self, serial: int, host: Machine, expected: dict[str, str]) -> bool:
        """Whether a host has a release, says nothing is left, and its ends are as expected."""
        report = self.report(host)
        left = [r for r in report.get("resources", ()) if r["state"] != "unmanaged"]
        time.sleep(PAUSE)
        return report.get("serial") == serial and _ends(report) == expected and not left

    def ends(self, host: Machine) -> dict[str, str]:
        """What a host said last of each end and generation."""
        return _ends(self.report(host))

    def begin(self) -> None:
        """From empty hosts with a release in their inboxes to links that are proven."""
        self.each(lambda host: host.run("systemctl", "start", AGENT))
        self.serve(self.off2, CONTAINERS["off2"])
        self.wait(self.desk.serial, SERVERS, CLIENTS)

    def wait(self, serial: int, servers: dict[str, str], clients: dict[str, str]) -> None:
        """Until both hosts have a release and all of its tunnels are as they should be."""
        for host, ends in ((self.off2, servers), (self.ovh1, clients)):
            told = f"{ends} of release {serial}"
            host.until(told, partial(self.settled, serial, host, ends), timeout=900)

    def carry(self) -> None:
        """Data goes through each link and comes back. Raises AssertionError."""
        for host in self.hosts.values():
            self.canary.learn_from(host.sh(f"cat {KEYS}").stdout.encode())
        for link in self.links:
            assert self.ask(link, "hello") == "127.0.0.1:7000 hello", link


def _ends(report: dict[str, Any]) -> dict[str, str]:
    return {
        f"{e['tunnel']}/{e['role']}/{e['generation']}": e["state"]
        for e in report.get("tunnels", ())
    }
