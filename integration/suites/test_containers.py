"""Real containers under the agent: the contract of a Host, and kill -9 at a step of every kind."""

from collections.abc import Iterator

import pytest

from integration.rig.fleet import Fleet
from integration.rig.golden import Golden
from integration.rig.machine import Machine
from integration.suites import inside, proxmox, stock
from integration.suites.conftest import tell


@pytest.fixture(scope="module")
def host(booted: Golden) -> Iterator[Machine]:
    """A Proxmox host with nothing on it; the tests inside make pools on spare disks and files."""
    with Fleet(stock.HARDWARE, proxmox.ready(booted, tell, product=True)) as fleet:
        (machine,) = fleet.add("off2")
        inside.bring(machine)
        yield machine


@pytest.mark.parametrize(
    ("tests", "seconds"),
    [("probed", 900), ("debt", 900), ("killed", 2400), ("containers", 2400)],
)
def test_inside(host: Machine, tests: str, seconds: int) -> None:
    inside.passes(host, f"integration/inside/test_{tests}.py", seconds=seconds)
