"""off2 of a site on one guest: its pools, its templates, and a signed release in its inbox.

Of the example, everything is as it says, sizes too: a root volume's size is a quota, which costs
nothing. Only what templates contain is small. Keys, trust root and release are made by the
programs.
"""

from collections.abc import Mapping
import json
from pathlib import Path
import re
import shutil
from typing import Any

from integration.inside import effective
from integration.pve import guest
from integration.rig.control import Done
from integration.rig.machine import Machine
from integration.suites.desk import INBOX, OUTBOX, Desk
from integration.suites.inside import ROOT

EXAMPLE = ROOT / "examples" / "openfoodfacts"
HOST = "off2"
POOLS = {"rpool": "vdb", "zfs-hdd": "vdc", "zfs-nvme": "vdd"}
STORAGES = {"zfs-hdd": "zfs-hdd/pve", "zfs-nvme": "zfs-nvme/pve"}
CACHE = "/var/lib/vz/template/cache"
TINY = guest.TEMPLATE.rpartition("/")[2]
LOOK = "/root/effective.py"


class Example:
    """The guest, and the desk of the operator who writes for it; of the example unless told."""

    def __init__(
        self,
        host: Machine,
        desk: Path,
        *,
        written: Path = EXAMPLE,
        pools: Mapping[str, str] = POOLS,
        storages: Mapping[str, str] = STORAGES,
    ) -> None:
        self.host = host
        self.desk = Desk(desk)
        self.site = self.desk.site
        self._written = written
        self._places = (pools, storages)

    def prepare(self) -> None:
        """An empty host whose keys are in the site, and the operator's own keys."""
        shutil.copytree(self._written, self.site, dirs_exist_ok=True)
        (self.site / "identities").mkdir(exist_ok=True)
        guest.lay_out(self.host, HOST, *self._places)
        lines = self.host.out("offctl-agent", "init", "--host", HOST)
        (self.site / "identities" / f"{HOST}.toml").write_text(lines + "\n")
        self.host.put("/etc/offctl/trust.toml", self.desk.make_trust(self._written.name))
        for name in sorted({*re.findall(r"local:vztmpl/(\S+)\"", self.bundle())} - {TINY}):
            self.host.run("ln", "-sf", TINY, f"{CACHE}/{name}")
        self.host.put(LOOK, Path(effective.__file__))

    def bundle(self) -> str:
        """What the host is asked to be."""
        return self.desk.run("offctl", "compile", "site", "--host", HOST)

    def deliver(self) -> None:
        """Sign the site as it is and lay the release where the courier would."""
        self.host.put(INBOX, self.desk.sign())
        self.host.put("/root/bundle.toml", self.bundle())

    def apply(self, *options: str) -> dict[str, Any]:
        """One run, now; its report."""
        argv = ("offctl-agent", "apply", "--json", *options)
        done: Done = self.host.run(*argv, check=False, timeout=1800)
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def report(self) -> dict[str, Any]:
        """The last run's report."""
        # Its exit status says whether all is right.
        said = self.host.run("offctl-agent", "status", "--json", check=False).stdout
        report: dict[str, Any] = json.loads(said)["report"]
        return report

    def await_report(self, number: int, *, timeout: float = 1500) -> None:
        """Wait for a run to end. Looked for in the guest, by what costs the run nothing."""
        look = f"until [ -e {OUTBOX}/{number}.json ]; do sleep 1; done"
        self.host.run("sh", "-c", look, timeout=timeout)

    @staticmethod
    def unsettled(report: dict[str, Any]) -> list[str]:
        """What is not right, but for services, of which templates of busybox have none, and
        stunnel, whose keys are made with the other hosts.
        """
        resources: list[dict[str, Any]] = report["resources"]
        found = [f"{r['resource']}: {r['state']}: {r['reason']}" for r in resources]
        return [line for line in found if not line.startswith(("service ", "stunnel "))]

    def wrong(self) -> list[str]:
        """What is not as the bundle says, seen without any program of ours."""
        said = self.host.out("python3", LOOK, "/root/bundle.toml", timeout=300)
        return said.splitlines()
