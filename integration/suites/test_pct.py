"""The stand-in for pct does what the real one was seen to do, on real containers and volumes."""

from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

import pytest
import tomli

from integration.pve import guest
from integration.rig.fleet import Fleet
from integration.rig.golden import Golden
from integration.rig.machine import Machine
from integration.suites import proxmox, stock
from integration.suites.conftest import tell
from simulated import runs

with (Path(__file__).parent / "pct.toml").open("rb") as file:
    CASES: list[dict[str, Any]] = tomli.load(file)["case"]
GOLDEN = "PYTHONPATH={0}:{0}/agent:{0}/common python3 -m integration.pve.golden"


@pytest.fixture(scope="module")
def host(booted: Golden) -> Iterator[Machine]:
    """A Proxmox host with one pool and nothing on it."""
    with Fleet(stock.HARDWARE, proxmox.ready(booted, tell, product=True)) as fleet:
        (machine,) = fleet.add("pve1")
        proxmox.lay_out(machine)
        machine.run("zfs", "create", "-o", "mountpoint=/data", "tank/data")
        yield machine


@pytest.fixture(scope="module")
def outcomes(host: Machine) -> dict[str, runs.Outcome]:
    """What became of the runs that the simulated pct is tested with, all in one process."""
    command = GOLDEN.format(guest.PLACE)
    done = host.run("sh", "-c", command, stdin=json.dumps(runs.CASES), timeout=600)
    found = json.loads(done.stdout)
    return {
        case["name"]: runs.Outcome(**{**outcome, "mounts": tuple(outcome["mounts"])})
        for case, outcome in zip(runs.CASES, found, strict=True)
    }


@pytest.mark.parametrize("case", runs.CASES, ids=lambda case: case["name"])
def test_runs_of_the_simulated_pct(case: dict[str, Any], outcomes: dict[str, runs.Outcome]) -> None:
    runs.check(case, outcomes[case["name"]])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_recorded_runs(case: dict[str, Any], host: Machine) -> None:
    if "prepare" in case:
        proxmox.shell(host, case["prepare"])
    done = proxmox.shell(host, case["run"])
    said = done.stdout + done.stderr
    if "code" in case:
        assert done.code == case["code"], said
    else:
        assert case["fails"]
        assert done.code != 0, said
    assert case.get("says", "") in said
    if "then" in case:
        after = proxmox.shell(host, case["then"])
        assert after.stdout.rstrip("\n") == case["prints"], after.stderr
