"""What tests start from, each made once: packages, and guests with them."""

from collections.abc import Callable
from pathlib import Path
import shutil

from integration.rig import cache, golden, image
from integration.rig.golden import Golden
from integration.rig.hardware import Hardware
from integration.rig.machine import Machine
from integration.rig.process import run

LOGS = cache.ROOT / "build" / "integration-logs"
HARDWARE = Hardware()
# What is installed where, by the manual.
ON_COORDINATOR = ("offctl", "offctl-coordinator")
ON_HOST = ("offctl", "offctl-agent")

Tell = Callable[[str], None]


def booted(tell: Tell) -> Golden:
    """A guest that has just booted, without anything of ours."""
    return golden.booted(image.build(tell), HARDWARE, tell)


def build_debs(target: Path, suffix: str = "") -> Path:
    """Build the packages of this tree into a directory."""
    run(cache.ROOT / "packaging" / "deb", target, *([suffix] if suffix else []))
    return target


def install(machine: Machine, debs: Path, *packages: str) -> str:
    """Install packages, or all, as an operator does who has the files; what apt says."""
    names = []
    for deb in sorted(debs.glob("*.deb")):
        if packages and deb.name.partition("_")[0] not in packages:
            continue
        names.append(f"/root/debs/{deb.name}")
        machine.put(names[-1], deb)
    return machine.out("apt-get", "install", "-y", "--no-install-recommends", *names, timeout=900)


def installed(base: Golden, debs: Path, tell: Tell) -> Golden:
    """A guest with all three packages installed and nothing configured."""
    packages = tuple(sorted(debs.glob("*.deb")))
    return golden.prepared(base, HARDWARE, packages, lambda machine: install(machine, debs), tell)


def forget_logs() -> None:
    """Logs of an earlier run say nothing about this one."""
    shutil.rmtree(LOGS, ignore_errors=True)
