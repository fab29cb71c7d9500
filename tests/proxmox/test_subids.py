"""/etc/subuid and /etc/subgid: extended, never shortened, under everybody's lock."""

import os
from pathlib import Path
import subprocess
import sys

import pytest

from offctl.desired.model import Subid
from offctl.errors import AdminError, HostError
from offctl.planner import actions as act
from offctl_agent.proxmox import subids as module
from offctl_agent.proxmox.subids import Subids

WISH = act.GrantSubids((Subid("u", 1000, 64536), Subid("g", 1000, 10)))


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    return tmp_path / "etc"


def test_lines_of_others_stay_byte_for_byte(etc: Path) -> None:
    old = b"# by hand\nalice:200000:65536\nroot:100000:65536\nroot:x:1\n\xff\xfe\nroot:1:2:3"
    (etc / "subuid").write_bytes(old)
    (etc / "subuid").chmod(0o600)
    Subids(etc.parent).grant(WISH)
    assert (etc / "subuid").read_bytes() == old + b"\nroot:1000:64536\n"
    assert (etc / "subuid").stat().st_mode & 0o777 == 0o600
    assert (etc / "subgid").read_bytes() == b"root:1000:10\n"
    assert (etc / "subgid").stat().st_mode & 0o777 == 0o644
    assert sorted(os.listdir(etc)) == [".pwd.lock", "subgid", "subuid"]


def test_what_a_killed_grant_left_goes_with_the_next(etc: Path) -> None:
    for name in (".subuid.0123456789abcdef.new", ".subuid.new"):
        (etc / name).write_bytes(b"root:1")
    Subids(etc.parent).grant(WISH)
    assert sorted(os.listdir(etc)) == [".pwd.lock", ".subuid.new", "subgid", "subuid"]


def test_granting_again_writes_nothing(etc: Path) -> None:
    ids = Subids(etc.parent)
    ids.grant(WISH)
    before = [(etc / name).stat() for name in ("subuid", "subgid")]
    ids.grant(WISH)
    assert [(etc / name).stat() for name in ("subuid", "subgid")] == before
    assert ids.granted() == (("u", 1000, 64536), ("g", 1000, 10))


def test_a_lock_of_usermod_is_waited_for_and_left_alone(
    etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.2)
    hold = (
        "import fcntl,sys;f=open(sys.argv[1],'w');fcntl.lockf(f,fcntl.LOCK_EX);"
        "print(flush=True);sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(etc / ".pwd.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(HostError, match="somebody else holds") as caught:
            Subids(etc.parent).grant(WISH)
    assert caught.value.code == "LOCKED"
    assert not (etc / "subuid").exists()
    Subids(etc.parent).grant(WISH)


@pytest.mark.parametrize("name", ["subuid", "subgid"])
def test_what_cannot_be_read_is_not_replaced(etc: Path, name: str) -> None:
    (etc / "elsewhere").write_bytes(b"root:1:1\n")
    (etc / name).symlink_to(etc / "elsewhere")
    with pytest.raises(AdminError):
        Subids(etc.parent).grant(WISH)
    with pytest.raises(AdminError):
        Subids(etc.parent).granted()
    assert (etc / name).is_symlink()
    assert (etc / "elsewhere").read_bytes() == b"root:1:1\n"


def test_a_missing_directory_is_no_place_to_write(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="No such file"):
        Subids(tmp_path).grant(WISH)
