"""Fixtures: guests for a test, with or without the packages, and a whole site. See the README."""

from collections.abc import Generator, Iterator
from pathlib import Path
import sys

import pytest

from integration.rig.fleet import Fleet
from integration.rig.golden import Golden
from integration.suites import proxmox, stock
from integration.suites.linking import Linked
from integration.suites.scene import Scene

FAILED = pytest.StashKey[bool]()


def tell(line: str) -> None:
    """Progress of what takes long, past pytest's capturing."""
    print(line, file=sys.__stderr__, flush=True)


def pytest_sessionstart() -> None:
    stock.forget_logs()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure, so that the guests' logs are kept."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def booted() -> Golden:
    """A guest that has just booted, without anything of ours."""
    return stock.booted(tell)


@pytest.fixture(scope="session")
def debs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with our packages, built from this tree."""
    return stock.build_debs(tmp_path_factory.mktemp("debs"))


@pytest.fixture(scope="session")
def newer_debs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a higher version."""
    return stock.build_debs(tmp_path_factory.mktemp("newer"), "+newer")


@pytest.fixture(scope="session")
def installed(booted: Golden, debs: Path) -> Golden:
    """A guest with all three packages installed and nothing configured."""
    return stock.installed(booted, debs, tell)


@pytest.fixture(scope="session")
def hosts(installed: Golden) -> Golden:
    """A Proxmox host with our packages and no pool; it does for a coordinator too."""
    return proxmox.ready(installed, tell)


@pytest.fixture(scope="session")
def settled(hosts: Golden) -> Path:
    """The state of a coordinator and three hosts after release 1 was published and all settled."""
    return stock.settled(hosts, tell)


@pytest.fixture
def bare_fleet(request: pytest.FixtureRequest, booted: Golden) -> Iterator[Fleet]:
    """Room for guests without our packages: `bare_fleet.add("off1", "off2")`."""
    yield from _fleet(request, booted)


@pytest.fixture
def bare_hosts(request: pytest.FixtureRequest, booted: Golden) -> Iterator[Fleet]:
    """Room for Proxmox hosts without our packages."""
    yield from _fleet(request, proxmox.ready(booted, tell, product=True))


@pytest.fixture
def fleet(request: pytest.FixtureRequest, hosts: Golden) -> Iterator[Fleet]:
    """Room for Proxmox hosts with our packages installed: `fleet.add("off1", "off2")`."""
    yield from _fleet(request, hosts)


@pytest.fixture
def scene(fleet: Fleet, settled: Path) -> Scene:
    """A coordinator and three hosts that run; the operator has published release 1, all settled."""
    return Scene.resumed(fleet, settled)


@pytest.fixture
def pair(fleet: Fleet, settled: Path) -> Scene:
    """The same with off1 alone switched on: cheaper, for what is about one host."""
    return Scene.resumed(fleet, settled, "off1")


@pytest.fixture(scope="module")
def linked(
    hosts: Golden, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Linked]:
    """Two empty hosts for a file of tests, and in their inboxes what links them by tunnels."""
    with Fleet(stock.HARDWARE, hosts) as fleet:
        found = Linked(fleet, tmp_path_factory.mktemp("desk"))
        found.prepare()
        found.deliver()
        try:
            yield found
        finally:
            fleet.collect(stock.LOGS / request.node.name)


def _fleet(request: pytest.FixtureRequest, state: Golden) -> Iterator[Fleet]:
    with Fleet(stock.HARDWARE, state) as fleet:
        try:
            yield fleet
        finally:
            if request.node.stash.get(FAILED, False):
                fleet.collect(stock.LOGS / request.node.name)
