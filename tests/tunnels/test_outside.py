"""A place is seen from outside only as far as nothing in it can lead away or keep us waiting."""

from collections.abc import Callable, Iterator
import os
from pathlib import Path
import shutil
import subprocess

import pytest

from offctl.errors import HostError
from offctl_agent.host.stunnel import outside, places
from offctl_agent.host.stunnel.places import Place

UNIT = "stunnel@off.service"


class Room:
    """A tree that is the root of a process, and the programs that were started there."""

    def __init__(self, directory: Path) -> None:
        self.tree = directory / "tree"
        self.proc = directory / "proc"
        (self.proc / "42").mkdir(parents=True)
        (self.proc / "42" / "root").symlink_to(self.tree)
        self.file("etc/group", "root:x:0:\nstunnel4:x:111:\n")
        self.link("etc/stunnel/off.conf", "/etc/stunnel/offctl/off/off.conf")
        unit = f"/etc/stunnel/offctl/off/{UNIT}"
        self.link(f"etc/systemd/system/{UNIT}", unit)
        self.link(f"etc/systemd/system/multi-user.target.wants/{UNIT}", unit)
        self.asked: list[str] = []
        self.place = places.container(
            113, 42, self.run, lambda _, number: 100_000 + number, proc=self.proc
        )

    def run(self, argv: object, *, timeout: float) -> places.Finished:
        words = list(argv)  # type: ignore[call-overload]
        self.asked.append(words[4])
        raise HostError(f"asked: {words[4]}")

    def file(self, path: str, text: str) -> Path:
        file = self.tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def link(self, path: str, target: str) -> None:
        link = self.tree / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_what_is_right_is_seen_without_starting_anything(room: Room) -> None:
    for _ in range(10):
        assert room.place.missing("off") == ()
        assert room.place.owner() == (100_000, 100_111)
    assert room.asked == []


def _other_target(room: Room) -> None:
    room.link("etc/stunnel/off.conf", "/etc/passwd")


def _not_enabled(room: Room) -> None:
    (room.tree / f"etc/systemd/system/multi-user.target.wants/{UNIT}").unlink()


def _masked(room: Room) -> None:
    room.link(f"etc/systemd/system/{UNIT}", "/dev/null")


def _file_in_place(room: Room) -> None:
    (room.tree / "etc/stunnel/off.conf").unlink()
    room.file("etc/stunnel/off.conf", "# by hand\n")


def _directory_is_a_link(room: Room) -> None:
    (room.tree / "etc/stunnel").rename(room.tree / "elsewhere")
    room.link("etc/stunnel", "../elsewhere")


def _link_out_of_it(room: Room) -> None:
    shutil.rmtree(room.tree / "etc/systemd")
    room.link("etc/systemd", "/etc/systemd")


def _gone(room: Room) -> None:
    (room.proc / "42" / "root").unlink()


@pytest.mark.parametrize(
    "change",
    [
        _other_target,
        _not_enabled,
        _masked,
        _file_in_place,
        _directory_is_a_link,
        _link_out_of_it,
        _gone,
    ],
)
def test_whatever_is_not_seen_to_be_right_is_asked_from_inside(
    room: Room, change: Callable[[Room], None]
) -> None:
    change(room)
    with pytest.raises(HostError, match="asked: find"):
        room.place.missing("off")


@pytest.fixture
def mounted(room: Room) -> Iterator[Room]:
    """Something is mounted where we look: a file system of the container's own, perhaps."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "none", str(room.tree / "etc")], capture_output=True, check=False
    )
    if done.returncode:
        assert os.getuid(), done.stderr
        pytest.skip("only root can mount")
    room.file("etc/group", "stunnel4:x:111:\n")
    yield room
    subprocess.run(["umount", str(room.tree / "etc")], check=True)


def test_nothing_is_read_from_another_mount(mounted: Room) -> None:
    with pytest.raises(HostError, match="asked: getent"):
        mounted.place.owner()


def test_a_pipe_keeps_nobody_waiting(room: Room) -> None:
    (room.tree / "etc/group").unlink()
    os.mkfifo(room.tree / "etc/group")
    with pytest.raises(HostError, match="asked: getent"):
        room.place.owner()


def test_a_link_to_a_file_is_not_followed(room: Room, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("stunnel4:x:0:\n")
    room.link("etc/group", str(secret))
    with pytest.raises(HostError, match="asked: getent"):
        room.place.owner()


def test_a_large_file_is_not_read(room: Room) -> None:
    room.file("etc/group", "x" * 100)
    with outside.tree(room.proc, 42) as tree, pytest.raises(OSError, match="more than 99 bytes"):
        outside.read(tree, "/etc/group", 99)


class Keys(Room):
    """A container whose grep and stat say that a key file is well."""

    def run(self, argv: object, *, timeout: float) -> places.Finished:
        words = list(argv)  # type: ignore[call-overload]
        self.asked.append(words[4])
        return _Said({"stat": b"640\n", "grep": b"0\n"}[words[4]])


class _Said:
    status = 0
    stderr = ""

    def __init__(self, stdout: bytes) -> None:
        self.stdout = stdout


def test_a_key_file_is_looked_at_again_only_when_it_has_changed(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    file = keys.file("etc/stunnel/psk.txt", "a:secret")
    place: Place = keys.place
    for _ in range(5):
        assert place.key_complaint("/etc/stunnel/psk.txt") == ""
    assert keys.asked == ["stat", "grep"]
    file.write_text("b:secret")
    place.key_complaint("/etc/stunnel/psk.txt")
    assert keys.asked == ["stat", "grep"] * 2
    file.chmod(0o600)
    place.key_complaint("/etc/stunnel/psk.txt")
    assert keys.asked == ["stat", "grep"] * 3
