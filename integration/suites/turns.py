"""A host that is asked to be something else every turn, so that there is always work to interrupt.

Every turn makes a dataset, changes properties and owners of another, and gives a stopped, protected
container a mount or takes it away; now and then a container is started, and stopped in the turn
after. What a turn makes stays asked for.
"""

import json
from pathlib import Path
import textwrap
from typing import Any

from integration.inside import survived
from integration.rig.machine import Machine
from integration.suites.example import INBOX, Example

SITE = Path(__file__).resolve().parent / "cuts"
LOOK = "/root/survived.py"
PATH = {"PYTHONPATH": "/usr/share/offctl"}
AGENT = "offctl-agent"
DEADLINE = 900.0
# A guest has no processor for looks that find nothing.
INTERVAL = 300
# A container runs in one of so many turns.
EVERY = 6
IMPATIENT = "did not end a run"


class Turns(Example):
    """off2 of a site of its own, with one pool."""

    name = "cuts"
    written = SITE
    pools = {"tank": "vdb"}  # noqa: RUF012
    storages = {"local-zfs": "tank/pve"}  # noqa: RUF012

    _since = 0

    def go_on(self, host: Machine) -> None:
        """The host was started again: only what it says from now on counts."""
        self.host = host
        report = self.report()
        self._since = 0 if report is None else report["sequence"]

    @property
    def serial(self) -> int:
        """The newest release."""
        return self._serial

    def prepare(self) -> None:
        """As the example, and what looks at it after a cut."""
        self.turn(1)
        super().prepare()
        self.host.put(LOOK, Path(survived.__file__))
        config = self.host.text("/etc/offctl/agent.toml")
        lines = [line for line in config.splitlines() if not line.startswith("interval")]
        self.host.put("/etc/offctl/agent.toml", "\n".join([f"interval = {INTERVAL}", *lines, ""]))

    def turn(self, number: int) -> None:
        """Write what is asked for in this turn."""
        (self.site / "identities").mkdir(parents=True, exist_ok=True)
        odd = number % 2 == 1
        up = number % EVERY == 0
        text = f"""\
            [datasets.products]
            place.off2 = "tank/products"
            properties.atime = "{"on" if odd else "off"}"
            properties.recordsize = "{64 if odd else 128}K"
            owner = "{1000 if odd else 1001}:1000"

            [containers.app]
            use = "small"
            id = 111
            memory = 128
            tags = ["turn-{number}"]
            mounts."/mnt/images" = "images"
            {'mounts."/mnt/products" = "products"' if odd else ""}

            [containers.other]
            use = "small"
            id = 112
            memory = 128
            onboot = {"true" if up else "false"}
            run = "{"running" if up else "stopped"}"
            mounts."/mnt/products" = "products"
            """
        text = textwrap.dedent(text)
        for made in range(1, number + 1):
            text += f'\n[datasets.made-{made}]\nplace.off2 = "tank/made-{made}"\n'
            text += 'properties = { compression = "zstd" }\n'
        (self.site / "turn.toml").write_text(text)

    def deliver(self) -> None:
        """The next turn's release, flushed to the disk before the agent hears of it."""
        if self._serial:
            self.turn(self._serial + 1)
        super().deliver()
        self.host.sh(f"sync {INBOX} {Path(INBOX).parent} /root/bundle.toml /root")

    def report(self) -> dict[str, Any] | None:
        """The newest report, read without starting an interpreter in the guest."""
        newest = "ls /var/lib/offctl/outbox | sort -n | tail -n 1"
        said = self.host.run("sh", "-c", f"cat /var/lib/offctl/outbox/$({newest})", check=False)
        return json.loads(said.stdout) if said.stdout.startswith("{") else None

    def ring(self) -> None:
        """The courier's ring: look now."""
        self.host.run("systemctl", "reload", AGENT)

    def settle(self) -> float:
        """Wait until the agent has said that this turn's release is true; how long it took."""

        def right() -> bool:
            report = self.report()
            said = self.host.run("systemctl", "show", "-p", "StatusText", AGENT, check=False)
            if IMPATIENT in said.stdout:
                self.ring()
            return (
                report is not None
                and report["sequence"] > self._since
                and report["serial"] == self._serial
                and self.unsettled(report) == []
            )

        return self.host.until(f"release {self._serial} to be true", right, timeout=DEADLINE)

    def survived(self, *, keep: bool = False) -> dict[str, Any]:
        """What `survived.py` sees; with `keep` it makes files that it will look for."""
        argv = ("python3", LOOK, *([str(self._serial)] if keep else []))
        found: dict[str, Any] = json.loads(self.host.run(*argv, env=PATH).stdout)
        return found
