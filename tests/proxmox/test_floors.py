"""The second copy of the floor on real pools: what counts as ours, and what cannot be read."""

from pathlib import Path

import pytest

from fakes.libzfs import FakeLibrary
from offctl.errors import HostError
from offctl_agent.proxmox.floors import PROPERTY, PoolFloors
from offctl_agent.proxmox.pools import Pools
from offctl_agent.proxmox.zfs import Zfs

KEY = PROPERTY.encode()


class Machine:
    """Two imported pools, and whatever stands on them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.library = FakeLibrary(b"hdd", b"nvme")
        for name in ("hdd", "nvme"):
            self.state(name, "ONLINE")
        zpool = home / "zpool"
        zpool.write_text("#!/bin/sh\nprintf 'hdd\\t1\\toff\\t-\\nnvme\\t2\\toff\\t-\\n'\n")
        zpool.chmod(0o755)
        pools = Pools(home / "kstat", program=str(zpool))
        self.floors = PoolFloors(Zfs(lambda: self.library), pools)

    def state(self, pool: str, state: str) -> None:
        kstat = self.home / "kstat" / pool
        kstat.mkdir(parents=True, exist_ok=True)
        (kstat / "state").write_text(f"{state}\n")
        (kstat / "iostats").write_text("30 1 0x01 1 2 3 4\n")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_new_host_remembers_nothing(machine: Machine) -> None:
    assert machine.floors.read() == ()


def test_it_is_kept_on_the_pools_that_are_managed_only(machine: Machine) -> None:
    machine.floors.keep("1 off 0 7 -", ("nvme",))
    assert machine.floors.read() == ("1 off 0 7 -",)
    assert machine.library.datasets[b"hdd"] == {}


def test_what_stands_there_already_is_not_written_again(machine: Machine) -> None:
    machine.floors.keep("1 off 0 7 -", ("hdd", "nvme"))
    before = machine.library.programs
    machine.floors.keep("1 off 0 7 -", ("hdd", "nvme"))
    assert machine.library.programs == before


def test_what_came_with_another_import_is_looked_at_anew(machine: Machine) -> None:
    machine.floors.keep("1 off 0 7 -", ("hdd", "nvme"))
    machine.library.datasets[b"hdd"][KEY] = (b"1 off 0 3 -", b"hdd")
    assert machine.floors.read() == ("1 off 0 7 -", "1 off 0 7 -")
    (machine.home / "kstat/hdd/iostats").write_text("31 1 0x01 1 2 9 4\n")
    assert machine.floors.read() == ("1 off 0 3 -", "1 off 0 7 -")


@pytest.mark.parametrize("source", [b"$recvd", b"rpool", None])
def test_what_another_host_wrote_does_not_count(machine: Machine, source: bytes | None) -> None:
    machine.library.datasets[b"hdd"][KEY] = (b"1 off 0 7 -", source)
    assert machine.floors.read() == ()


def test_a_pool_that_does_not_answer_is_not_an_empty_one(machine: Machine) -> None:
    machine.state("hdd", "SUSPENDED")
    with pytest.raises(HostError, match="hdd is SUSPENDED"):
        machine.floors.read()


def test_a_managed_pool_that_is_missing_is_said(machine: Machine) -> None:
    with pytest.raises(HostError, match="tank: it is not imported"):
        machine.floors.keep("1 off 0 7 -", ("hdd", "tank"))


def test_a_failing_library_is_said(machine: Machine) -> None:
    machine.library.failing = HostError("cannot reach ZFS: gone")
    with pytest.raises(HostError):
        machine.floors.read()
