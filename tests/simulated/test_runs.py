"""What the simulated pct does against what the real one did."""

from pathlib import Path
from typing import Any

import pytest

from offctl.observed import ObservedContainer
from offctl_agent.simulated.result import Result
from simulated import runs
from simulated.runs import TEMPLATE
from simulated.scene import Scene


def _begin(root: Path, case: dict[str, Any]) -> Scene:
    scene = Scene(root).prepared()
    rootfs = ("--rootfs", "local-zfs:1", "--unprivileged", "1")
    assert scene.run("pct", "create", "101", TEMPLATE, *rootfs).code == 0
    for name in ("a", "b", "c", "x", "y", "my dir"):
        scene.machine.locate(f"/data/{name}").mkdir(parents=True)
    scene.machine.locate("/data/file").write_text("")
    if "file" in case:
        scene.conf().write_text(case["file"])
    if case.get("running"):
        assert scene.run("pct", "start", "101").code == 0
    if "faults" in case:
        (root / "faults.toml").write_text(case["faults"])
    return scene


@pytest.mark.parametrize("case", runs.CASES, ids=lambda case: case["name"])
def test_run(case: dict[str, Any], tmp_path: Path) -> None:
    scene = _begin(tmp_path, case)
    result = Result()
    for number, command in enumerate(case["run"]):
        assert result.code == 0, f"command {number} failed: {result.stderr}"
        result = scene.run(*runs.argv(command))
    (tmp_path / "faults.toml").unlink(missing_ok=True)
    file = scene.conf(case.get("number", 101))
    outcome = runs.Outcome(
        result.code,
        result.stdout,
        result.stderr,
        file.read_text() if file.exists() else "",
        _mounts(scene) if "mounts" in case else (),
        "made" in case and scene.machine.locate(case["made"]).is_dir(),
    )
    runs.check(case, outcome)


def _mounts(scene: Scene) -> tuple[str, ...]:
    containers = scene.look().containers
    assert isinstance(containers, tuple)
    found = containers[0]
    assert isinstance(found, ObservedContainer)
    assert found.effective is not None
    return tuple(target for target, _ in found.effective.mounts)


def test_refused_creations_leave_nothing(tmp_path: Path) -> None:
    scene = _begin(tmp_path, {})
    before = scene.look()
    for mount in ("/data/missing,mp=/x", "/data/file,mp=/x"):
        call = ("pct", "create", "112", TEMPLATE, "--rootfs", "local-zfs:1", "--mp0", mount)
        assert scene.run(*call).code != 0
    assert scene.look() == before


def test_an_interface_without_address_gets_a_new_one_each_time(tmp_path: Path) -> None:
    scene = _begin(tmp_path, {})
    seen = set()
    for _ in range(3):
        scene.run("pct", "set", "101", "--net0", "name=eth0,bridge=vmbr0")
        lines = scene.conf().read_text().splitlines()
        seen.add(next(line for line in lines if line.startswith("net0")))
    assert len(seen) == 3


def test_list_prints_nothing_without_containers(tmp_path: Path) -> None:
    scene = Scene(tmp_path).prepared()
    assert scene.run("pct", "list").stdout == ""


def test_list_shows_lock_and_name(tmp_path: Path) -> None:
    scene = _begin(tmp_path, {})
    scene.run("pct", "set", "101", "--lock", "backup", "--hostname", "web")
    rows = [line.split() for line in scene.run("pct", "list").stdout.splitlines()]
    assert rows == [["VMID", "Status", "Lock", "Name"], ["101", "stopped", "backup", "web"]]


def test_pending_prints_current_and_new(tmp_path: Path) -> None:
    scene = _begin(tmp_path, {"running": True})
    scene.run("pct", "set", "101", "--tty", "3", "--delete", "ostype")
    scene.run("pct", "set", "101", "--tty", "3", "--arch", "arm64")
    lines = scene.run("pct", "pending", "101").stdout.splitlines()
    assert "new tty: 3" in lines
    assert {"cur arch: amd64", "new arch: arm64"} <= set(lines)


def test_config_merges_what_waits_unless_asked(tmp_path: Path) -> None:
    scene = _begin(tmp_path, {"running": True})
    scene.run("pct", "set", "101", "--arch", "arm64", "--description", "a: b")
    assert "arch: arm64" in scene.run("pct", "config", "101").stdout.splitlines()
    current = scene.run("pct", "config", "101", "--current", "1").stdout.splitlines()
    assert "arch: amd64" in current
    assert "description: a%3A b%0A" in current


def test_create_with_start_succeeds_although_the_start_fails(tmp_path: Path) -> None:
    scene = Scene(tmp_path).prepared()
    (tmp_path / "etc/subuid").write_bytes(b"")
    options = ("--rootfs", "local-zfs:1", "--unprivileged", "1", "--start", "1")
    assert scene.run("pct", "create", "101", TEMPLATE, *options).code == 0
    assert scene.run("pct", "status", "101").stdout == "status: stopped\n"


def test_pending_tells_what_will_be_deleted(tmp_path: Path) -> None:
    scene = _begin(tmp_path, {})
    scene.run("pct", "set", "101", "--mp0", "/data/x,mp=/x")
    scene.run("pct", "start", "101")
    scene.run("pct", "set", "101", "--delete", "mp0")
    assert "del mp0: /data/x,mp=/x" in scene.run("pct", "pending", "101").stdout.splitlines()
    assert "mp0" not in scene.run("pct", "config", "101").stdout


def test_config_of_a_snapshot(tmp_path: Path) -> None:
    scene = _begin(tmp_path, {"file": "memory: 512\n\n[old]\nmemory: 256\nsnaptime: 1\n"})
    shown = scene.run("pct", "config", "101", "--snapshot", "old").stdout
    assert shown == "memory: 256\nsnaptime: 1\n"
    assert scene.run("pct", "config", "101", "--snapshot", "new").code != 0
    assert scene.run("pct", "config", "101", "--snapshot", "old", "--current", "1").code != 0


def test_a_volume_name_taken_by_hand_is_not_reused(tmp_path: Path) -> None:
    scene = Scene(tmp_path).prepared()
    assert scene.run("zfs", "create", "tank/pve/subvol-101-disk-0").code == 0
    assert scene.run("pct", "create", "101", TEMPLATE, "--rootfs", "local-zfs:1").code == 0
    assert "rootfs: local-zfs:subvol-101-disk-1,size=1G" in scene.conf().read_text().splitlines()


@pytest.mark.parametrize("state", ["missing", "readonly"])
def test_no_container_without_its_pool(tmp_path: Path, state: str) -> None:
    scene = Scene(tmp_path).prepared()
    (tmp_path / "faults.toml").write_text(f'[pools.tank]\nstate = "{state}"\n')
    assert scene.run("pct", "create", "101", TEMPLATE, "--rootfs", "local-zfs:1").code != 0
    assert scene.look().containers == ()


def test_a_container_whose_root_volume_is_gone_does_not_start(tmp_path: Path) -> None:
    scene = _begin(tmp_path, {})
    scene.run("zfs", "rename", "tank/pve/subvol-101-disk-0", "tank/moved")
    result = scene.run("pct", "start", "101")
    assert result.code != 0
    assert "does not exist" in result.stderr


@pytest.mark.parametrize(
    ("value", "fine"),
    [
        ("ip6=auto", True),
        ("ip6=2001:db8::5/64,gw6=2001:db8::1", True),
        ("ip6=2001:db8::5", False),
        ("ip6=2001:db8::5/129", False),
        ("gw6=10.0.0.1", False),
        ("ip=10.0.0.5/33", False),
        ("gw=10.0.0.256", False),
    ],
)
def test_addresses(tmp_path: Path, value: str, *, fine: bool) -> None:
    scene = _begin(tmp_path, {})
    result = scene.run("pct", "set", "101", "--net0", f"name=eth0,bridge=vmbr0,{value}")
    assert (result.code == 0) is fine
    assert ("net0" in scene.conf().read_text()) is fine


def test_another_program_is_not_found(tmp_path: Path) -> None:
    assert Scene(tmp_path).prepared().run("zpool", "destroy", "tank").code == 127


def test_damaged_files_of_the_host_fail_every_command(tmp_path: Path) -> None:
    scene = _begin(tmp_path, {})
    (tmp_path / "zfs/tank.json").write_text("{")
    assert scene.run("zfs", "list").code != 0
    assert scene.run("pct", "create", "102", TEMPLATE, "--rootfs", "local-zfs:1").code != 0
