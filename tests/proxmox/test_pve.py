"""/etc/pve: nothing is concluded from what is not really there, and nothing of it is lost."""

from collections.abc import Callable
import fcntl
import os
from pathlib import Path

import pytest

from offctl import errors
from offctl_agent.proxmox import pve as module
from offctl_agent.proxmox.pve import Pve

NODE = "off2"
FOLDER = f"etc/pve/nodes/{NODE}/lxc"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / "etc/pve/local").symlink_to(f"nodes/{NODE}")
    return tmp_path


@pytest.fixture
def pve(root: Path) -> Pve:
    return Pve(root, NODE)


def test_it_is_there(pve: Pve) -> None:
    assert pve.missing() == ""
    assert pve.quorate()
    assert pve.numbers() == ()


def _gone(root: Path) -> None:
    (root / "etc/pve/local").unlink()


def _plain(root: Path) -> None:
    _gone(root)
    (root / "etc/pve/local").mkdir()


def _other(root: Path) -> None:
    _gone(root)
    (root / "etc/pve/local").symlink_to("nodes/off1")


def _no_folder(root: Path) -> None:
    (root / FOLDER).rmdir()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_gone, "not mounted"),
        (_plain, "not mounted"),
        (_other, "belongs to node 'off1', not to off2"),
        (_no_folder, "not complete: nodes/off2/lxc: No such file"),
    ],
)
def test_what_is_not_really_there_is_not_empty(
    root: Path, pve: Pve, damage: Callable[[Path], None], reason: str
) -> None:
    damage(root)
    assert reason in pve.missing()
    with pytest.raises(errors.AdminError, match="cannot list containers"):
        pve.numbers()


def test_no_etc_pve_at_all(tmp_path: Path) -> None:
    assert "not mounted" in Pve(tmp_path, NODE).missing()
    with pytest.raises(errors.AdminError):
        Pve(tmp_path, NODE).quorate()


def test_write_bits_tell_the_quorum_even_to_root(root: Path, pve: Pve) -> None:
    (root / FOLDER).chmod(0o555)
    assert not pve.quorate()


@pytest.mark.parametrize(
    "name",
    [
        *("101.conf.tmp.77", ".101.conf", "101", "0101.conf", "99.conf", "1e3.conf", "-101.conf"),
        *("1010000000.conf", "101.conf\n", "\u0661\u0660\u0661.conf", "101.CONF", "a.conf"),
    ],
)
def test_other_names_are_no_containers(root: Path, pve: Pve, name: str) -> None:
    (root / FOLDER / name).write_bytes(b"memory: 512\n")
    (root / FOLDER / "113.conf").write_bytes(b"")
    assert pve.numbers() == (113,)


def test_an_edit_keeps_every_other_byte_and_leaves_nothing_behind(root: Path, pve: Pve) -> None:
    path = root / FOLDER / "101.conf"
    path.write_bytes(b"#\xff\xfe\r\nmemory:512\n\n[s1]\nx")
    pve.edit(101, lambda old: old + b"\nlxc.idmap: u 0 1 2\n")
    assert path.read_bytes() == b"#\xff\xfe\r\nmemory:512\n\n[s1]\nx\nlxc.idmap: u 0 1 2\n"
    assert os.listdir(root / FOLDER) == ["101.conf"]
    assert path.stat().st_mode & 0o777 == 0o640


def test_an_edit_takes_away_what_a_killed_one_left_and_nothing_else(root: Path, pve: Pve) -> None:
    others = ["102.conf.tmp.7.0123abcd", "101.conf.tmp.7", "101.conf.tmp.7.0123abcd.old", "x"]
    for name in ("101.conf", "101.conf.tmp.7.0123abcd", *others):
        (root / FOLDER / name).write_bytes(b"memory: 512\n")
    pve.edit(101, lambda old: old)
    assert sorted(os.listdir(root / FOLDER)) == sorted(["101.conf", *others])


def test_an_edit_that_changes_nothing_writes_nothing(root: Path, pve: Pve) -> None:
    path = root / FOLDER / "101.conf"
    path.write_bytes(b"memory: 512\n")
    before = path.stat()
    pve.edit(101, lambda old: old)
    assert path.stat() == before


def test_an_edit_that_is_refused_leaves_the_file(root: Path, pve: Pve) -> None:
    path = root / FOLDER / "101.conf"
    path.write_bytes(b"memory: 512\n")

    def refuse(_: bytes) -> bytes:
        raise errors.HostError("cannot do it", code="CONFLICT")

    with pytest.raises(errors.HostError, match="cannot do it"):
        pve.edit(101, refuse)
    assert path.read_bytes() == b"memory: 512\n"


def test_what_is_not_there_is_not_made(root: Path, pve: Pve) -> None:
    with pytest.raises(errors.HostError, match="does not exist") as caught:
        pve.edit(101, lambda _: b"made")
    assert caught.value.code == "CONFLICT"
    assert os.listdir(root / FOLDER) == []


def test_a_task_of_pve_is_waited_for_and_left_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.2)
    waited: list[int] = []
    pve = Pve(root, NODE, lambda: waited.append(1))
    (root / FOLDER / "101.conf").write_bytes(b"memory: 512\n")
    lock = root / "run/lock/lxc/pve-config-101.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(errors.HostError, match="a task of PVE holds") as caught:
            pve.edit(101, lambda _: b"lost")
    assert caught.value.code == "LOCKED"
    assert waited
    assert (root / FOLDER / "101.conf").read_bytes() == b"memory: 512\n"
    pve.edit(101, lambda old: old + b"swap: 0\n")


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b'{"ids":[]}', b'{"ids":{"x":{}}}', b"\xff", b"[" * 100_000, b"null"],
)
def test_guests_that_cannot_be_read_are_unknown(root: Path, pve: Pve, content: bytes) -> None:
    (root / "etc/pve/.vmlist").write_bytes(content)
    with pytest.raises(errors.OffctlError):
        pve.guests()


def test_guests_are_those_of_others_and_the_machines(root: Path, pve: Pve) -> None:
    (root / "etc/pve/.vmlist").write_text(
        '{"version":4,"ids":{"101":{"node":"off2","type":"lxc","version":1},'
        '"102":{"node":"off1","type":"lxc","version":1},'
        '"200":{"node":"off2","type":"qemu","version":1}}}'
    )
    assert pve.guests() == ((102, "lxc", "off1"), (200, "qemu", "off2"))


def test_a_link_in_place_of_a_file_is_not_followed(root: Path, pve: Pve) -> None:
    (root / "secret").write_bytes(b"secret")
    (root / FOLDER / "101.conf").symlink_to(root / "secret")
    with pytest.raises(errors.AdminError):
        pve.read(101)
    with pytest.raises(errors.AdminError):
        pve.edit(101, lambda _: b"x")
    assert (root / "secret").read_bytes() == b"secret"
