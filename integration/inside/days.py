"""A host of ours for a few days: the agent on this guest, and the operator beside it."""

from datetime import UTC, datetime
from pathlib import Path
import subprocess

from agent.scenario import taken
from integration.inside import guests
from offctl.observed import Effective, ObservedContainer, Unknown
from offctl_agent import converge
from offctl_agent.circumstances import Circumstances
from offctl_agent.execute import Result
from offctl_agent.host.protocol import Host as Managed
from offctl_agent.state import State
from planner import case

SITE = f"""
subids = ["u:1000:64536", "g:1000:64536"]

[[dataset]]
name = "tank/off"
uid = 1000
properties = {{ compression = "lz4" }}
directory = [{{ path = "users", uid = 1000, gid = 1000 }}]

[[dataset]]
name = "tank/off/images"
properties = {{ atime = "off" }}

[[dataset]]
name = "tank/db"

[[container]]
id = 113
template = "{guests.TEMPLATE}"
root = {{ storage = "tank-pve", size_gib = 1 }}
options = {{ cores = "1", protection = "1", hostname = "off", memory = "128" }}
idmap = ["u 0 100000 1000", "u 1000 1000 64536", "g 0 100000 1000", "g 1000 1000 64536"]
network = [{{ index = 0, name = "eth0", bridge = "vmbr0", options = {{ ip = "10.77.0.113/24" }} }}]
services = ["nginx.service"]
mount = [
  {{ target = "/mnt/off", source = "/tank/off", dataset = "tank/off" }},
  {{ target = "/mnt/off/images", source = "/tank/off/images", dataset = "tank/off/images" }},
  {{ target = "/mnt/off/users", source = "/tank/off/users", dataset = "tank/off", subdirectory = "users" }},
  {{ target = "/var/cache/off", storage = "tank-pve", size = "1G" }},
]

[[container]]
id = 120
template = "{guests.TEMPLATE}"
root = {{ storage = "tank-pve", size_gib = 1 }}
options = {{ hostname = "db", startup = "order=1", memory = "128" }}
mount = [{{ target = "/data", source = "/tank/db", dataset = "tank/db" }}]

[[container]]
id = 130
run = "stopped"
template = "{guests.TEMPLATE}"
root = {{ storage = "tank-pve", size_gib = 1 }}
options = {{ hostname = "spare" }}
"""  # noqa: E501
MOUNTS = {
    113: {
        "/mnt/off": "/tank/off",
        "/mnt/off/images": "/tank/off/images",
        "/mnt/off/users": "/tank/off/users",
    },
    120: {"/data": "/tank/db"},
}


class Host:
    """The agent on this guest, and the operator beside it."""

    def __init__(self, rig: guests.GuestRig, home: Path) -> None:
        self.rig = rig
        self.told: list[Result] = []
        self._state = home / "state"

    def run(
        self, text: str = SITE, *, restarts: tuple[int, ...] = (), managed: Managed | None = None
    ) -> converge.Run:
        circumstances = Circumstances(
            clock=lambda: datetime.now(UTC),
            restarts=frozenset(restarts),
            go_on=lambda: True,
            tell=self.told.append,
        )
        state = State(self._state)
        state.prepare()
        self.told.clear()
        intake = taken(case.desired(text), "")
        return converge.run(intake, state, managed or self.rig.guest, circumstances)

    def memory(self) -> State:
        """What the agent has on disk."""
        return State(self._state, read_only=True)

    def effective(self, number: int, text: str = SITE) -> Effective | None:
        found = self.rig.guest.observe(case.desired(text)).containers
        assert not isinstance(found, Unknown), found
        there = next(c for c in found if isinstance(c, ObservedContainer) and c.id == number)
        return there.effective

    @staticmethod
    def by_hand(*argv: str) -> str:
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        assert done.returncode == 0, (argv, done.stdout, done.stderr)
        return done.stdout

    @staticmethod
    def stop(number: int) -> None:
        subprocess.run(["pct", "stop", str(number)], check=False, capture_output=True)

    def edit(self, number: int, old: bytes, new: bytes) -> None:
        content = self.rig.read(number)
        assert old in content
        self.rig.write(number, content.replace(old, new))
