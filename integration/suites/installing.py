"""From bare Debian to a site that is what its release says, by the steps of the manual.

Every step is judged while it is taken. Where it ends is what most tests start from.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
import time

from integration.rig import cache
from integration.rig.fleet import Fleet
from integration.rig.golden import Golden
from integration.suites import ground
from integration.suites.scene import COORDINATOR, HOSTS, Scene
from integration.suites.stock import HARDWARE, LOGS, ON_COORDINATOR, ON_HOST, Tell, install

HERE = Path(__file__).resolve().parent
UNITS = ("offctl-agent", "offctl-courier", "offctl-coordinator")
# What decides how a settled site looks, beside the packages.
CODE = tuple(
    HERE / name
    for name in ("installing.py", "scene.py", "desk.py", "ground.py", "stock.py", "site")
)


def settled(base: Golden, debs: Path, tell: Tell) -> Path:
    """The state of a coordinator and three hosts after the steps; taken anew for other packages.

    And every week: what the coordinator says to be current is so for a day, and a clock cannot
    jump for ever.
    """
    week = datetime.now(UTC).strftime("%G-%V")
    packages = sorted(debs.glob("*.deb"))

    def make(path: Path) -> None:
        started = time.monotonic()
        with Fleet(HARDWARE, base) as fleet:
            try:
                scene = install_site(fleet, debs)
            except BaseException:
                fleet.collect(LOGS / "installing")
                raise
            scene.save(path)
        tell(f"site installed and settled: {time.monotonic() - started:.0f} s")

    return cache.made("settled", cache.key(base.key, week, *packages, *CODE), make)


def install_site(fleet: Fleet, debs: Path) -> Scene:
    """Install three packages on a coordinator and three hosts, and let all converge."""
    coordinator, *hosts = fleet.add(COORDINATOR, *HOSTS)
    scene = Scene(fleet, coordinator, hosts)
    packages_start_nothing(scene, debs)
    scene.start()
    nothing_changes_before_a_release(scene)
    audit_changes_nothing(scene)
    return scene


def packages_start_nothing(scene: Scene, debs: Path) -> None:
    """Installing needs no network, starts nothing, and says what comes next."""
    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(install, scene.coordinator, debs, *ON_COORDINATOR)
        scene.each(lambda host: install(host, debs, *ON_HOST))
        assert "offctl-coordinator init" in said.result()
    for machine in scene.fleet.machines:
        states = [machine.run("systemctl", "is-active", unit, check=False).stdout for unit in UNITS]
        assert states == ["inactive\n"] * 3
        assert machine.run("systemctl", "is-failed", *UNITS, check=False).code != 0


def nothing_changes_before_a_release(scene: Scene) -> None:
    """Keys are made, identities pinned, programs run: nothing is published, nothing changes."""
    for host in scene.hosts.values():
        assert ground.datasets(host) == ["tank", "tank/pve"]


def audit_changes_nothing(scene: Scene) -> None:
    """One host may only look, the others converge; then it may act."""
    hosts_toml = scene.site / "hosts.toml"
    text = hosts_toml.read_text()
    head, ovh1 = text.split("[hosts.ovh1]")
    hosts_toml.write_text(f"{head}[hosts.ovh1]{ovh1.replace('enforce', 'audit')}")
    scene.sign_and_publish()
    scene.settle(ovh1="drift")
    assert "tank/products" in ground.datasets(scene.host("off1"))
    assert ground.containers(scene.host("off1")) == {"111": "running"}
    assert ground.containers(scene.host("ovh1")) == {}
    assert ground.datasets(scene.host("ovh1")) == ["tank", "tank/pve"]

    hosts_toml.write_text(text)
    scene.sign_and_publish()
    scene.settle()
