"""The stand-in for pct does what the real one was seen to do, on real containers and volumes."""

from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

import pytest
import tomli

from integration.pve import guest
from integration.rig.control import Done
from integration.rig.fleet import Fleet
from integration.rig.golden import Golden
from integration.rig.machine import Machine
from integration.suites import proxmox, stock
from integration.suites.conftest import tell
from simulated import runs

with (Path(__file__).parent / "pct.toml").open("rb") as file:
    CASES: list[dict[str, Any]] = tomli.load(file)["case"]
GOLDEN = "PYTHONPATH={0}:{0}/agent:{0}/common python3 -m integration.pve.golden"
PROLOGUE = f"T={guest.TEMPLATE}; export LC_ALL=C.UTF-8\n"


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
        _shell(host, case["prepare"])
    done = _shell(host, case["run"])
    said = done.stdout + done.stderr
    if "code" in case:
        assert done.code == case["code"], said
    else:
        assert case["fails"]
        assert done.code != 0, said
    assert case.get("says", "") in said
    if "then" in case:
        after = _shell(host, case["then"])
        assert after.stdout.rstrip("\n") == case["prints"], after.stderr


def test_systemd_runs_in_a_container(host: Machine) -> None:
    template = "local:vztmpl/debian-12-systemd_12.5-1_amd64.tar.gz"
    options = "--rootfs local-zfs:1 --unprivileged 1 --features nesting=1"
    done = _shell(host, f"pct create 130 {template} {options} && pct start 130")
    assert done.code == 0, done.stdout + done.stderr

    def settled() -> bool:
        state = _shell(host, "pct exec 130 -- systemctl is-system-running").stdout.strip()
        return state in ("running", "degraded")

    host.until("systemd to settle", settled, timeout=600)
    failed = _shell(host, "pct exec 130 -- systemctl --failed --no-legend --plain").stdout
    assert failed == ""
    groups = _shell(host, "ls -d /sys/fs/cgroup/lxc/130/ns/system.slice/*.service").stdout
    assert "systemd-journald.service" in groups
    assert _shell(host, "pct shutdown 130").code == 0


def test_containers_come_back_with_the_host(host: Machine) -> None:
    prepared = """
    set -e; mkdir -p /data/back; touch /data/back/file
    for id in 131 132 133; do pct create $id $T --rootfs local-zfs:1 --unprivileged 1; done
    pct set 131 --onboot 1 --startup order=2 --mp0 /data/back,mp=/mnt/back
    pct set 132 --onboot 1 --startup order=1
    pct start 133
    """
    done = _shell(host, prepared)
    assert done.code == 0, done.stderr
    host.run("sync")
    host.power_cycle()
    running = "status: running\n"
    host.until(
        "the containers", lambda: _shell(host, "pct status 131").stdout == running, timeout=300
    )
    rest = _shell(host, "pct status 132; pct status 133; pct exec 131 -- ls /mnt/back").stdout
    assert rest == "status: running\nstatus: stopped\nfile\n"
    started = _shell(host, "journalctl -b -o cat -u pve-container@132 -u pve-container@131").stdout
    assert started.index("Container 132") < started.index("Container 131")


def _shell(host: Machine, script: str) -> Done:
    return host.run("bash", "-c", PROLOGUE + script, check=False, timeout=240)
