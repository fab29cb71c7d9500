"""What tests start from, each made once: packages, guests with them, a settled site."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
import shutil
import time

from integration.rig import cache, golden, image
from integration.rig.fleet import Fleet
from integration.rig.golden import Golden
from integration.rig.hardware import Hardware
from integration.rig.machine import Machine
from integration.rig.process import run
from integration.suites.scene import COORDINATOR, HOSTS, Scene

HERE = Path(__file__).resolve().parent
LOGS = cache.ROOT / "build" / "integration-logs"
# What decides how a settled site looks, beside the packages.
SCENE = (HERE / "scene.py", HERE / "ground.py", HERE / "site")
HARDWARE = Hardware()

Tell = Callable[[str], None]


def booted(tell: Tell) -> Golden:
    """A guest that has just booted, without anything of ours."""
    return golden.booted(image.build(tell), HARDWARE, tell)


def build_debs(target: Path, suffix: str = "") -> Path:
    """Build the packages of this tree into a directory."""
    run(cache.ROOT / "packaging" / "deb", target, *([suffix] if suffix else []))
    return target


def install(machine: Machine, debs: Path) -> str:
    """Install packages as an operator does who has the files; what apt says."""
    names = []
    for deb in sorted(debs.glob("*.deb")):
        names.append(f"/root/debs/{deb.name}")
        machine.put(names[-1], deb)
    return machine.out("apt-get", "install", "-y", "--no-install-recommends", *names, timeout=900)


def installed(base: Golden, debs: Path, tell: Tell) -> Golden:
    """A guest with all three packages installed and nothing configured."""
    packages = tuple(sorted(debs.glob("*.deb")))
    return golden.prepared(base, HARDWARE, packages, lambda machine: install(machine, debs), tell)


def settled(base: Golden, tell: Tell) -> Path:
    """The state of a coordinator and three hosts after release 1 was published and all settled.

    Made anew every week: what the coordinator says to be current is so for a day, and a clock
    cannot jump for ever.
    """
    week = datetime.now(UTC).strftime("%G-%V")

    def make(path: Path) -> None:
        started = time.monotonic()
        with Fleet(HARDWARE, base) as fleet:
            coordinator, *hosts = fleet.add(COORDINATOR, *HOSTS)
            scene = Scene(fleet, coordinator, hosts)
            try:
                scene.start()
                scene.sign_and_publish()
                scene.settle()
            except BaseException:
                fleet.collect(LOGS / "settled")
                raise
            scene.save(path)
        tell(f"settled site: {time.monotonic() - started:.0f} s")

    return cache.made("settled", cache.key(base.key, week, *SCENE), make)


def forget_logs() -> None:
    """Logs of an earlier run say nothing about this one."""
    shutil.rmtree(LOGS, ignore_errors=True)
