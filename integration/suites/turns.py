"""A host that is asked to be something else every turn, so that there is always work to interrupt.

Every turn makes a dataset, changes properties and owners of another, and gives a stopped, protected
container a mount or takes it away; now and then a container is started, and stopped in the turn
after. What a turn makes stays asked for.
"""

import contextlib
import json
from pathlib import Path
import textwrap
import time
from typing import Any

from integration.inside import survived
from integration.rig.control import GuestError
from integration.rig.machine import Machine
from integration.suites.desk import INBOX, OUTBOX
from integration.suites.example import Example

SITE = Path(__file__).resolve().parent / "cuts"
LOOK = "/root/survived.py"
PATH = {"PYTHONPATH": "/usr/share/offctl"}
AGENT = "offctl-agent"
DEADLINE = 1800.0
LOOK_PAUSE = 1.0
# A guest has no processor for looks that find nothing.
INTERVAL = 300
# A container runs in one of so many turns.
EVERY = 6
IMPATIENT = "did not end a run"


class Turns(Example):
    """off2 of a site of its own, with one pool."""

    def __init__(self, host: Machine, desk: Path) -> None:
        super().__init__(
            host, desk, written=SITE, pools={"tank": "vdb"}, storages={"local-zfs": "tank/pve"}
        )
        # The newest report that was seen at all, and the newest that counts no more.
        self._seen = self._since = 0

    def go_on(self, host: Machine) -> None:
        """The host was started again: only what it says from now on counts."""
        self.host = host
        # A cut may have taken back reports that had been seen.
        numbers = (name.removesuffix(".json") for name in host.out("ls", OUTBOX).split())
        self._seen = self._since = max((int(n) for n in numbers if n.isdecimal()), default=0)

    @property
    def serial(self) -> int:
        """The newest release."""
        return self.desk.serial

    def prepare(self) -> None:
        """As the example, and what looks at it after a cut."""
        self.turn(1)
        super().prepare()
        self.host.put(LOOK, Path(survived.__file__))
        # There is nobody to fetch from, and a cold start has no processor for trying.
        self.host.run("systemctl", "disable", "--now", "offctl-courier")
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
        if self.desk.serial:
            self.turn(self.desk.serial + 1)
        super().deliver()
        self.host.sh(f"sync {INBOX} {Path(INBOX).parent}")

    def newest(self) -> dict[str, Any] | None:
        """The newest report, read without starting anything in the guest."""
        content = b""
        with contextlib.suppress(GuestError):
            while True:
                content = self.host.get(f"{OUTBOX}/{self._seen + 1}.json")
                self._seen += 1
        if not content and self._seen:
            with contextlib.suppress(GuestError):
                content = self.host.get(f"{OUTBOX}/{self._seen}.json")
        return json.loads(content) if content else None

    def ring(self) -> None:
        """The courier's ring: look now."""
        # Not waited for: where the service is quick to answer, a reload is over with the run only.
        self.host.run("systemctl", "--no-block", "reload", AGENT)

    def settle(self) -> tuple[float, int]:
        """Wait until the agent says that this turn's release is true; how long, how many runs."""
        judged, runs, begun, rung = self._since, 0, time.monotonic(), False
        while True:
            report = self.newest()
            if report is not None and report["sequence"] > judged:
                judged, runs = report["sequence"], runs + 1
                if report["serial"] == self.desk.serial and self.unsettled(report) == []:
                    self._since = judged
                    return time.monotonic() - begun, runs
                self.ring()
            elif not rung and IMPATIENT in self._status():
                rung = True
                self.ring()
            if time.monotonic() - begun > DEADLINE:
                raise GuestError(f"release {self.desk.serial} is not true: {report}")
            time.sleep(LOOK_PAUSE)

    def wrong(self) -> list[str]:
        """As the example; a warm start has the root disk of the first turn."""
        self.host.put("/root/bundle.toml", self.bundle())
        return super().wrong()

    def _status(self) -> str:
        return self.host.run("systemctl", "show", "-p", "StatusText", AGENT, check=False).stdout

    def survived(self, *, keep: bool = False) -> dict[str, Any]:
        """What `survived.py` sees; with `keep` it makes files that it will look for."""
        argv = ("python3", LOOK, *([str(self.desk.serial)] if keep else []))
        found: dict[str, Any] = json.loads(self.host.run(*argv, env=PATH).stdout)
        return found
