"""Fixtures: guests for a test, with or without the packages, and a whole site. See the README."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
import sys
import time

import pytest

from integration.rig import cache, golden, image
from integration.rig.fleet import Fleet
from integration.rig.golden import Golden
from integration.rig.hardware import Hardware
from integration.rig.machine import Machine
from integration.rig.process import run
from integration.suites.scene import HOSTS, Scene

LOGS = cache.ROOT / "build" / "integration-logs"
HERE = Path(__file__).resolve().parent
SCENE = (HERE / "scene.py", HERE / "ground.py", HERE / "site")
FAILED = pytest.StashKey[bool]()


def tell(line: str) -> None:
    """Progress of what takes long, past pytest's capturing."""
    print(line, file=sys.__stderr__, flush=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember a failure, so that the guests' logs are kept."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def hardware() -> Hardware:
    """The size of every guest."""
    return Hardware()


@pytest.fixture(scope="session")
def booted(hardware: Hardware) -> Golden:
    """A guest that has just booted, without anything of ours."""
    return golden.booted(image.build(tell), hardware, tell)


@pytest.fixture(scope="session")
def debs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with our packages, built from this tree."""
    return build_debs(tmp_path_factory.mktemp("debs"))


@pytest.fixture(scope="session")
def newer_debs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a higher version."""
    return build_debs(tmp_path_factory.mktemp("newer"), "+newer")


@pytest.fixture(scope="session")
def installed(booted: Golden, hardware: Hardware, debs: Path) -> Golden:
    """A guest with all three packages installed and nothing configured."""
    packages = sorted(debs.glob("*.deb"))
    return golden.prepared(
        booted, hardware, tuple(packages), lambda machine: install(machine, debs), tell
    )


@pytest.fixture
def bare_fleet(request: pytest.FixtureRequest, hardware: Hardware, booted: Golden) -> Iterator[Fleet]:
    """Room for guests without our packages: `fleet.add("off1", "off2")`."""
    yield from _fleet(request, hardware, booted)


@pytest.fixture
def fleet(request: pytest.FixtureRequest, hardware: Hardware, installed: Golden) -> Iterator[Fleet]:
    """Room for guests with our packages installed: `fleet.add("off1", "off2")`."""
    yield from _fleet(request, hardware, installed)


@pytest.fixture(scope="session")
def settled(hardware: Hardware, installed: Golden) -> Path:
    """The state of a coordinator and three hosts after release 1 was published and all settled.

    Made anew every week: what the coordinator says to be current is so for a day, and a clock
    cannot jump for ever.
    """
    week = datetime.now(UTC).strftime("%G-%V")

    def make(path: Path) -> None:
        started = time.monotonic()
        with Fleet(hardware, installed) as fleet:
            coordinator, *hosts = fleet.add("coordinator", *HOSTS)
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

    return cache.made("settled", cache.key(installed.key, week, *SCENE), make)


@pytest.fixture
def scene(fleet: Fleet, settled: Path) -> Scene:
    """A coordinator and three hosts that run; the operator has published release 1, all settled."""
    return Scene.resumed(fleet, settled)


def build_debs(target: Path, suffix: str = "") -> Path:
    """Build the packages into `target`."""
    run(cache.ROOT / "packaging" / "deb", target, *([suffix] if suffix else []))
    return target


def install(machine: Machine, debs: Path) -> str:
    """Install packages as an operator does who has the files; what apt says."""
    names = []
    for deb in sorted(debs.glob("*.deb")):
        names.append(f"/root/debs/{deb.name}")
        machine.put(names[-1], deb)
    return machine.out("apt-get", "install", "-y", "--no-install-recommends", *names, timeout=300)


def _fleet(request: pytest.FixtureRequest, hardware: Hardware, state: Golden) -> Iterator[Fleet]:
    with Fleet(hardware, state) as fleet:
        try:
            yield fleet
        finally:
            if request.node.stash.get(FAILED, False):
                fleet.collect(LOGS / request.node.name)
