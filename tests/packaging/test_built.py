"""The packages themselves, as `make deb` built them: contents, owners, scripts, conffiles.

`make deb-test` runs this with OFFCTL_DEBS; without it there is nothing to look at.
"""

import os
from pathlib import Path
import re
import subprocess

import pytest

import offctl
from unitfiles import ROOT

PACKAGES = ("offctl", "offctl-agent", "offctl-coordinator")
DEBS = os.environ.get("OFFCTL_DEBS", "")

pytestmark = pytest.mark.skipif(
    not DEBS, reason="`make deb-test` builds the packages and runs this"
)

# Every path below these that is not a module, a document or a directory.
FILES = {
    "offctl": {
        "/usr/bin/offctl",
        "/usr/share/bash-completion/completions/offctl",
        "/usr/share/fish/vendor_completions.d/offctl.fish",
        "/usr/share/man/man1/offctl.1.gz",
        "/usr/share/man/man5/offctl-site.5.gz",
        "/usr/share/man/man7/offctl-status.7.gz",
        "/usr/share/python3/runtime.d/offctl.rtupdate",
        "/usr/share/zsh/vendor-completions/_offctl",
    },
    "offctl-agent": {
        "/etc/offctl/agent.toml.example",
        "/usr/bin/offctl-agent",
        "/usr/bin/offctl-courier",
        "/usr/bin/offctl-simhost",
        "/usr/lib/systemd/system/offctl-agent.service",
        "/usr/lib/systemd/system/offctl-courier.service",
        "/usr/lib/sysusers.d/offctl-agent.conf",
        "/usr/lib/tmpfiles.d/offctl-agent.conf",
        "/usr/share/bash-completion/completions/offctl-agent",
        "/usr/share/bash-completion/completions/offctl-courier",
        "/usr/share/fish/vendor_completions.d/offctl-agent.fish",
        "/usr/share/fish/vendor_completions.d/offctl-courier.fish",
        "/usr/share/man/man1/offctl-simhost.1.gz",
        "/usr/share/man/man8/offctl-agent.8.gz",
        "/usr/share/man/man8/offctl-courier.8.gz",
        "/usr/share/python3/runtime.d/offctl-agent.rtupdate",
        "/usr/share/zsh/vendor-completions/_offctl-agent",
        "/usr/share/zsh/vendor-completions/_offctl-courier",
    },
    "offctl-coordinator": {
        "/etc/offctl/coordinator.toml.example",
        "/usr/bin/offctl-coordinator",
        "/usr/lib/systemd/system/offctl-coordinator.service",
        "/usr/lib/sysusers.d/offctl-coordinator.conf",
        "/usr/share/bash-completion/completions/offctl-coordinator",
        "/usr/share/fish/vendor_completions.d/offctl-coordinator.fish",
        "/usr/share/man/man8/offctl-coordinator.8.gz",
        "/usr/share/python3/runtime.d/offctl-coordinator.rtupdate",
        "/usr/share/zsh/vendor-completions/_offctl-coordinator",
    },
}
ROOMS = {
    "offctl": {"common/offctl", "cli/offctl_cli"},
    "offctl-agent": {"agent/offctl_agent", "agent/offctl_courier"},
    "offctl-coordinator": {"coordinator/offctl_coordinator"},
}


def deb(package: str) -> str:
    return str(Path(DEBS, f"{package}_{offctl.__version__}_all.deb"))


def field(package: str, name: str) -> str:
    return output("dpkg-deb", "--field", deb(package), name).strip()


def output(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def listing(package: str) -> dict[str, tuple[str, str]]:
    """Path -> mode and owner; the base system's two spellings of /lib are one."""
    found = {}
    for line in output("dpkg-deb", "--contents", deb(package)).splitlines():
        mode, owner, _size, _day, _time, path = line.split(maxsplit=5)
        name = re.sub(r"^\./lib/", "./usr/lib/", path)
        found[name.removeprefix(".")] = (mode, owner)
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_files_are_exactly_those(package: str) -> None:
    found = {
        path
        for path in listing(package)
        if not path.endswith("/") and not path.startswith(("/usr/share/offctl/", "/usr/share/doc/"))
    }
    assert found == FILES[package]


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_are_the_source_tree_and_nothing_else(package: str) -> None:
    tracked = output("git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard")
    wanted = {
        f"/usr/share/offctl/{name.split('/', 1)[1]}"
        for name in tracked.splitlines()
        for room in ROOMS[package]
        if name.startswith(f"{room}/") and name.endswith(".py") and (ROOT / name).exists()
    }
    found = {p for p in listing(package) if p.startswith("/usr/share/offctl/") and p[-1] != "/"}
    assert found == wanted


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_is_roots_and_nobody_elses_to_write(package: str) -> None:
    for path, (mode, owner) in listing(package).items():
        assert owner == "root/root", path
        assert mode[5] == mode[8] == "-", f"{path} is {mode}"
        assert "s" not in mode.lower()
        assert ("x" in mode) == (
            path.endswith(("/", ".rtupdate")) or path.startswith("/usr/bin/")
        ), f"{path} is {mode}"


@pytest.mark.parametrize("package", PACKAGES)
def test_conffiles_are_the_examples_and_no_configuration_is_shipped(package: str) -> None:
    listed = subprocess.run(
        ["dpkg-deb", "--info", deb(package), "conffiles"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    assert set(listed) == {path for path in FILES[package] if path.startswith("/etc/")}
    assert all(path.endswith(".example") for path in listed)


@pytest.mark.parametrize("package", PACKAGES)
def test_dependencies_are_of_debian_main_and_of_one_version(package: str) -> None:
    depends = field(package, "Depends")
    # What goes when ZFS is upgraded must not take the agent with it; see docs/adr/0008.
    for other in ("pyzfs", "zfs", "dkms", "lxc", "pve", "stunnel"):
        assert other not in depends
    recommended = "python3-pyzfs" if package == "offctl-agent" else ""
    assert field(package, "Recommends") == recommended
    assert field(package, "Architecture") == "all"
    if package != "offctl":
        assert f"offctl (= {offctl.__version__})" in depends


def test_scripts_touch_no_data(tmp_path: Path) -> None:
    for package in PACKAGES:
        output("dpkg-deb", "--control", deb(package), str(tmp_path / package))
        for script in ("preinst", "postinst", "prerm", "postrm"):
            path = tmp_path / package / script
            if path.exists():
                text = path.read_text(encoding="utf-8")
                assert not re.search(r"(?m)^\s*(rm|userdel|deluser|zfs|pct|chown|chmod)\b", text)
