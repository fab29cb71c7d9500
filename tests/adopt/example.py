"""The example's hosts as if people had made them by hand, and what they say of themselves."""

from dataclasses import dataclass, replace
import functools
from pathlib import Path
import re
import tempfile

from agent.scenario import Scene
from offctl.desired import tunnelplaces
from offctl.desired.model import DesiredState
from offctl_agent.adopt import adopting, telling
from offctl_agent.simulated import layout
from offctl_agent.simulated.host import SimulatedHost
from offctl_cli.site import load

SITE = Path(__file__).resolve().parents[2] / "examples" / "openfoodfacts"
STORAGES = {
    "off1": {"zfs-hdd": "zfs-hdd/pve", "zfs-nvme": "zfs-nvme/pve"},
    "off2": {"zfs-hdd": "zfs-hdd/pve", "zfs-nvme": "zfs-nvme/pve"},
    "ovh1": {"rpool": "rpool"},
}
HEAD = "foreground = yes\nsetuid = stunnel4\nsetgid = stunnel4\n"
REDIS = """
[OffRedis]
client = yes
accept = 10.1.0.113:6379
connect = proxy2.openfoodfacts.org:6379
PSKsecrets = /etc/stunnel/psk/redis.txt
"""
SERVED = """
[OffRedis]
accept = 6379
connect = 10.1.0.122:6379
PSKsecrets = /etc/stunnel/psk/redis.txt
"""
SECRET = "pwgenmadethis0123456789abcdefg"


@dataclass(frozen=True, slots=True)
class Live:
    """One host of the example, without anything that only offctl makes."""

    name: str
    scene: Scene

    def host(self) -> SimulatedHost:
        return SimulatedHost(self.scene.directory / "host", self.name)

    def stunnel(self, number: int, text: str) -> None:
        """A stunnel as people set it up in a container, running."""
        inside = self.scene.directory / f"host/inside/{number}/etc/stunnel"
        (inside / "psk").mkdir(parents=True)
        (inside / "psk/redis.txt").write_text(f"client:{SECRET}\n")
        (inside / "psk/redis.txt").chmod(0o600)
        (inside / "off.conf").write_text(HEAD + text)
        accept = re.findall(r"^accept = (.*)$", text, re.MULTILINE)
        sockets = [each if ":" in each else f"0.0.0.0:{each}" for each in accept]
        running = self.scene.directory / f"host/run/stunnel/{number}.json"
        running.parent.mkdir(exist_ok=True)
        running.write_text(f'{{"/etc/stunnel/off.conf": {sockets}}}'.replace("'", '"'))

    def says(self) -> str:
        return telling.text(adopting.adopt(self.host(), self.name))


@functools.cache
def _built(name: str) -> Path:
    """The host, built once for all tests."""
    state = next(each for each in load.compile_site(SITE).states if each.host == name)
    directory = Path(tempfile.mkdtemp(prefix="offctl-adopt-"))
    live = Live(name, Scene(directory, by_hand(state)))
    layout.create(live.host().machine, imported=list(state.pools), storages=STORAGES[name])
    for _ in range(2):
        live.scene.run(live.host())
    assert live.scene.run(live.host()).plan.empty
    return directory


def live(name: str, directory: Path) -> Live:
    """A copy of it for one test."""
    state = next(each for each in load.compile_site(SITE).states if each.host == name)
    return Live(name, Scene(_built(name), by_hand(state)).copy(directory / name))


def by_hand(state: DesiredState) -> DesiredState:
    """Without tunnels of offctl's own, and without what nobody could see on the host."""
    here = tuple(
        replace(
            container,
            mounts=tuple(m for m in container.mounts if m.target != tunnelplaces.INSIDE),
            probe=None,
        )
        for container in state.containers
    )
    return replace(
        state,
        tunnels=(),
        identity=None,
        max_delta=type(state.max_delta)(),
        containers=here,
        datasets=tuple(each for each in state.datasets if not each.replica_of),
    )
