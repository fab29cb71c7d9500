"""The units: what each program may do, by systemd's own yardstick and by their text.

Two tests need `systemd-analyze` (Debian package systemd). Without it they are skipped on a
developer's machine, and fail where CI is set.
"""

import os
from pathlib import Path
import re
import shutil
import subprocess

import pytest

from unitfiles import NAMES, path, read, words

CEILINGS = {"offctl-agent": 5.5, "offctl-courier": 1.5, "offctl-coordinator": 2.0}

# systemd.exec(5): what makes a mount namespace, and what makes another one and a mount with it.
MOUNT_NAMESPACE = {
    "BindPaths",
    "BindReadOnlyPaths",
    "DynamicUser",
    "ExecPaths",
    "ExtensionDirectories",
    "ExtensionImages",
    "ImportCredential",
    "InaccessiblePaths",
    "LoadCredential",
    "LoadCredentialEncrypted",
    "LogNamespace",
    "MountAPIVFS",
    "MountFlags",
    "MountImages",
    "NoExecPaths",
    "PrivateBPF",
    "PrivateDevices",
    "PrivateIPC",
    "PrivateMounts",
    "PrivateNetwork",
    "PrivatePIDs",
    "PrivateTmp",
    "PrivateUsers",
    "ProcSubset",
    "ProtectControlGroups",
    "ProtectHome",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "ProtectProc",
    "ProtectSystem",
    "ReadOnlyPaths",
    "ReadWritePaths",
    "RootDirectory",
    "RootImage",
    "SetCredential",
    "TemporaryFileSystem",
}

# What a container's own programs need, when pct or lxc-attach runs them below the agent's unit.
NEVER_TAKEN_FROM_CONTAINERS = {"RestrictNamespaces", "RestrictSUIDSGID"}


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None and "CI" not in os.environ:
        pytest.skip("systemd-analyze is not here; on Debian: apt-get install systemd")
    assert found, "systemd-analyze is missing in CI: apt-get install systemd"
    return found


@pytest.mark.parametrize("name", NAMES)
def test_exposure_stays_below_its_ceiling(analyze: str, name: str) -> None:
    argv = [analyze, "security", "--offline=true", "--no-pager", str(path(name))]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told)
    assert score, told
    assert float(score[1]) <= CEILINGS[name]


@pytest.mark.parametrize("name", NAMES)
def test_systemd_understands_every_line(analyze: str, name: str, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    # The program is not installed here; everything else is as it will be.
    text = re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={program}", path(name).read_text())
    unit = tmp_path / f"{name}.service"
    unit.write_text(text)
    argv = [analyze, "verify", "--man=no", "--recursive-errors=no", str(unit)]
    told = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert [line for line in told.stderr.splitlines() if name in line] == []


def test_the_agent_shares_the_mounts_of_the_host() -> None:
    found = set(read("offctl-agent")["Service"])
    assert found & MOUNT_NAMESPACE == set()
    assert found & NEVER_TAKEN_FROM_CONTAINERS == set()
    assert "User" not in found


def test_the_agent_has_no_internet() -> None:
    service = read("offctl-agent")["Service"]
    assert words(service, "RestrictAddressFamilies") == {"AF_UNIX", "AF_NETLINK"}
    assert service["IPAddressDeny"] == ["any"]
    assert "IPAddressAllow" not in service


def test_the_agent_has_no_capability_over_the_kernel_itself() -> None:
    kept = words(read("offctl-agent")["Service"], "CapabilityBoundingSet")
    assert {"CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"} <= kept
    assert all(re.fullmatch(r"CAP_[A-Z_]+", capability) for capability in kept)
    assert (
        kept
        & {
            "CAP_BPF",
            "CAP_MKNOD",
            "CAP_NET_RAW",
            "CAP_SYS_BOOT",
            "CAP_SYS_MODULE",
            "CAP_SYS_RAWIO",
            "CAP_SYS_TIME",
            "CAP_SYSLOG",
        }
        == set()
    )


@pytest.mark.parametrize("name", ["offctl-courier", "offctl-coordinator"])
def test_who_speaks_with_the_network_is_nobody(name: str) -> None:
    service = read(name)["Service"]
    assert service["CapabilityBoundingSet"] == [""]
    assert service["AmbientCapabilities"] == [""]
    assert service["User"] == service["Group"]
    assert service["User"] != ["root"]
    assert service["ProtectSystem"] == ["strict"]


def test_courier_and_coordinator_are_not_the_same_user() -> None:
    assert (
        read("offctl-courier")["Service"]["User"] != read("offctl-coordinator")["Service"]["User"]
    )


def test_the_courier_writes_its_own_directories_only() -> None:
    service = read("offctl-courier")["Service"]
    assert words(service, "ReadWritePaths") == {
        "/var/lib/offctl/inbox",
        "/var/lib/offctl/courier",
        "/run/offctl",
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_unit_starts_stops_and_comes_back_the_same_way(name: str) -> None:
    unit = read(name)
    service = unit["Service"]
    assert service["Type"] == ["notify"]
    assert service["Restart"] == ["always"]
    # systemd counts anew for ExecStop= and for what follows it.
    asked = re.findall(r"timeout (\d+) ", "".join(service.get("ExecStop", [])))
    assert sum(map(int, asked)) + int(service["TimeoutStopSec"][0].removesuffix("s")) <= 5
    assert service["ExecReload"] == ["/bin/sh -c 'kill -HUP $MAINPID'"]
    # Hung is over after two minutes at the latest, and no number of starts is too many.
    slow = ("WatchdogSec", "TimeoutStopSec", "RestartSec")
    assert sum(int(service[key][0].removesuffix("s")) for key in slow) <= 120
    assert unit["Unit"]["StartLimitIntervalSec"] == ["0"]
    assert service["LimitCORE"] == ["0"]
    assert unit["Install"]["WantedBy"] == ["multi-user.target"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("offctl-agent", "/etc/offctl/agent.toml"),
        ("offctl-courier", "/etc/offctl/agent.toml"),
        ("offctl-coordinator", "/etc/offctl/coordinator.toml"),
    ],
)
def test_nothing_starts_before_it_is_configured(name: str, file: str) -> None:
    assert read(name)["Unit"]["ConditionPathExists"] == [file]


def test_the_agent_neither_races_the_boot_of_guests_nor_outlives_their_shutdown() -> None:
    assert {"zfs.target", "pve-cluster.service", "pve-guests.service"} <= words(
        read("offctl-agent")["Unit"], "After"
    )
    # Order only: what is missing is a finding.
    pulls = {"Requires", "Requisite", "BindsTo", "Wants"}
    assert read("offctl-agent")["Unit"].keys() & pulls == set()


def test_what_the_agent_runs_is_asked_to_end_before_it_is_killed() -> None:
    assert read("offctl-agent")["Service"]["KillMode"] == ["control-group"]
