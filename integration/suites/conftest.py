"""Fixtures: guests for a test, with or without the packages, and a whole site. See the README."""

from collections.abc import Generator, Iterator
import contextlib
import os
from pathlib import Path
import sys

import pytest

from integration.rig import cache
from integration.rig.fleet import Fleet
from integration.rig.golden import Golden
from integration.rig.machine import Machine
from integration.suites import inside, installing, proxmox, stock
from integration.suites.cutting import MOVE, Powered
from integration.suites.linking import Linked
from integration.suites.scene import Scene
from integration.suites.turns import Turns

FAILED = pytest.StashKey[bool]()


def tell(line: str) -> None:
    """Progress of what takes long, past pytest's capturing."""
    print(line, file=sys.__stderr__, flush=True)


def pytest_sessionstart(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
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
    """A directory with our packages, built from this tree, once for all workers of a run."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        return stock.build_debs(tmp_path_factory.mktemp("debs"))

    def build(target: Path) -> None:
        stock.build_debs(target)

    return cache.made("debs", run, build)


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
def bare_host(booted: Golden) -> Golden:
    """A Proxmox host without our packages and without a pool."""
    return proxmox.ready(booted, tell, product=True)


@pytest.fixture(scope="session")
def settled(bare_host: Golden, debs: Path) -> Path:
    """The state of a coordinator and three hosts that were installed, and have settled."""
    return installing.settled(bare_host, debs, tell)


@pytest.fixture
def bare_fleet(request: pytest.FixtureRequest, booted: Golden) -> Iterator[Fleet]:
    """Room for guests without our packages: `bare_fleet.add("off1", "off2")`."""
    yield from _fleet(request, booted)


@pytest.fixture
def fleet(request: pytest.FixtureRequest, hosts: Golden) -> Iterator[Fleet]:
    """Room for Proxmox hosts with our packages installed: `fleet.add("off1", "off2")`."""
    yield from _fleet(request, hosts)


@pytest.fixture
def bare_hosts(request: pytest.FixtureRequest, bare_host: Golden) -> Iterator[Fleet]:
    """Room for Proxmox hosts without our packages, or for the guests of a scene."""
    yield from _fleet(request, bare_host)


@pytest.fixture(scope="module")
def inside_host(request: pytest.FixtureRequest, bare_host: Golden) -> Iterator[Machine]:
    """A Proxmox host with nothing on it and our tests in it; they make pools themselves."""
    with Fleet(stock.HARDWARE, bare_host) as fleet:
        (machine,) = fleet.add("off2")
        try:
            inside.bring(machine)
            yield machine
        finally:
            fleet.collect(stock.LOGS / request.node.name)


@pytest.fixture
def scene(bare_hosts: Fleet, settled: Path) -> Scene:
    """A coordinator and three hosts that run; the operator has published, all have settled."""
    return Scene.resumed(bare_hosts, settled)


@pytest.fixture
def pair(bare_hosts: Fleet, settled: Path) -> Scene:
    """The same with off1 alone switched on: cheaper, for what is about one host."""
    return Scene.resumed(bare_hosts, settled, "off1")


@pytest.fixture
def turning(
    request: pytest.FixtureRequest, fleet: Fleet, hosts: Golden, tmp_path: Path
) -> Iterator[tuple[Turns, Powered]]:
    """A host that has its first turn behind it, on disks that forget; its power is off."""
    (machine,) = fleet.add("off2")
    machine.sh(MOVE)
    desk = tmp_path / "desk"
    desk.mkdir()
    turns = Turns(machine, desk)
    turns.prepare()
    turns.deliver()
    assert turns.unsettled(turns.apply()) == []
    with contextlib.closing(Powered(machine, fleet.home, hosts.boot)) as powered:
        yield turns, powered
        if request.node.stash.get(FAILED, False):
            powered.pool_disk.go_on()
            powered.machine.collect(stock.LOGS / f"{request.node.name}-powered")


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
        found.canary.look(stock.LOGS)
        assert found.canary.seen == [], "a key of a tunnel is in these"


def _fleet(request: pytest.FixtureRequest, state: Golden) -> Iterator[Fleet]:
    with Fleet(stock.HARDWARE, state) as fleet:
        try:
            yield fleet
        finally:
            if request.node.stash.get(FAILED, False):
                fleet.collect(stock.LOGS / request.node.name)
