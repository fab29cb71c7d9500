"""Real containers under the agent: the contract of a Host, and whole days of one host."""

from collections.abc import Iterator

import pytest

from integration.rig.fleet import Fleet
from integration.rig.golden import Golden
from integration.rig.machine import Machine
from integration.suites import inside, proxmox, stock
from integration.suites.conftest import tell


@pytest.fixture(scope="module")
def host(booted: Golden) -> Iterator[Machine]:
    """A Proxmox host with nothing on it; the tests inside make a pool on a spare disk."""
    with Fleet(stock.HARDWARE, proxmox.ready(booted, tell, product=True)) as fleet:
        (machine,) = fleet.add("off2")
        inside.bring(machine)
        yield machine


def test_a_host_is_built_left_alone_drifts_and_is_mended(host: Machine) -> None:
    inside.passes(host, "integration/inside/test_scenarios.py", seconds=900)


def test_real_containers_keep_the_contract(host: Machine) -> None:
    inside.passes(host, "integration/inside/test_containers.py", seconds=1800)
