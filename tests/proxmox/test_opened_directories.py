"""Directories of a real kernel: tmpfs stands in for datasets, its source names them.

Mounting needs root.
"""

from collections.abc import Iterator
import os
from pathlib import Path
import subprocess

import pytest

from offctl.desired.model import Access
from offctl.errors import HostError
from offctl.observed import ObservedDirectory, Unknown
from offctl.planner import actions as act
from offctl_agent.proxmox import directories
from offctl_agent.proxmox.directories import Directories
from offctl_agent.proxmox.mounts import Mounts

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts file systems, so needs root")

OFF = "tank/off"
ANY = Access()


class Pool:
    """`tank/off` at TOP/off, `tank/off/images` at TOP/off/images."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.off = top / "off"
        self.mounts = Mounts(fstype="tmpfs")
        self.directories = Directories(self.mounts)
        self._mounted: list[Path] = []
        self.mount(OFF, self.off)
        self.mount(f"{OFF}/images", self.off / "images")

    def mount(self, dataset: str, path: Path) -> None:
        path.mkdir(exist_ok=True)
        # Such a mount is empty, and 0755 as a dataset's root is.
        argv = ["mount", "-t", "tmpfs", "-o", "mode=755,size=1m", dataset, str(path)]
        subprocess.run(argv, check=True)
        self._mounted.append(path)

    def bind(self, source: Path, target: Path) -> None:
        subprocess.run(["mount", "--bind", str(source), str(target)], check=True)
        self._mounted.append(target)

    def unmount(self, path: Path) -> None:
        subprocess.run(["umount", str(path)], check=True)
        self._mounted.remove(path)

    def close(self) -> None:
        for path in reversed(list(self._mounted)):
            self.unmount(path)

    def make(self, path: str, access: Access = ANY) -> None:
        self.directories.make(act.MakeDirectory(OFF, str(self.off), path, access))

    def access(self, path: str, access: Access) -> None:
        self.directories.set_access(act.SetAccess(OFF, str(self.off), path, access))

    def refused(self, path: str) -> str:
        """Both actions are refused alike."""
        said = []
        for action in (self.make, self.access):
            with pytest.raises(HostError) as caught:
                action(path, Access(1000, 1000, 0o777))
            assert caught.value.code == "PREFLIGHT"
            said.append(str(caught.value).partition(": ")[2])
        assert said[0] == said[1]
        return said[0]

    def unfit(self, path: str = "") -> str:
        whole = f"{self.off}/{path}" if path else str(self.off)
        return self.directories.unfit(act.Source(whole, OFF, str(self.off)))

    def seen(self, path: str) -> ObservedDirectory | Unknown | None:
        whole = f"{self.off}/{path}" if path else str(self.off)
        return dict(self.directories.observe([whole]))[whole]


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    made = Pool(tmp_path)
    yield made
    made.close()


def test_made_and_given_away(pool: Pool) -> None:
    pool.make("cache", Access(100000, 100033, 0o2750))
    pool.make("cache/deep")
    assert pool.seen("cache") == ObservedDirectory(100000, 100033, 0o2750, filled=True)
    # The setgid bit hands the group down, as everywhere.
    assert pool.seen("cache/deep") == ObservedDirectory(0, 100033, 0o755)
    assert pool.seen("nothing") is None


def test_making_again_sets_access_and_keeps_what_is_inside(pool: Pool) -> None:
    pool.make("cache", Access(1, 1, 0o700))
    (pool.off / "cache/file").write_text("kept")
    pool.make("cache", Access(gid=2))
    assert pool.seen("cache") == ObservedDirectory(1, 2, 0o700, filled=True)
    assert (pool.off / "cache/file").stat().st_uid == 0


def test_access_of_the_mountpoint(pool: Pool) -> None:
    pool.access("", Access(1000, 1000, 0o770))
    pool.access("", Access(gid=33))
    assert pool.seen("") == ObservedDirectory(1000, 33, 0o770, filled=True)


def test_what_is_right_already_is_not_touched(pool: Pool) -> None:
    pool.make("cache", Access(1, 1, 0o700))
    before = (pool.off / "cache").stat().st_ctime_ns
    pool.access("cache", Access(1, 1, 0o700))
    assert (pool.off / "cache").stat().st_ctime_ns == before


@pytest.mark.parametrize("path", ["../x", "/etc", "a/../../x", ".", "a//b", "..", "a/", "a\nb"])
def test_no_way_out(pool: Pool, path: str) -> None:
    assert pool.refused(path)


def test_links_are_not_followed(pool: Pool) -> None:
    (pool.off / "trap").symlink_to("/")
    assert "symbolic link" in pool.refused("trap")
    assert "symbolic link" in pool.refused("trap/etc")
    assert isinstance(pool.seen("trap"), Unknown)
    assert "symbolic link" in pool.unfit("trap")
    assert "symbolic link" in pool.directories.obstacle(f"{pool.off}/trap/etc")


def test_what_is_no_directory(pool: Pool) -> None:
    (pool.off / "file").write_text("x")
    os.mkfifo(pool.off / "pipe")
    for name in ("file", "pipe"):
        assert "no directory" in pool.refused(name)
        assert isinstance(pool.seen(name), Unknown)
        assert "no directory" in pool.unfit(name)


def test_a_nested_dataset_is_not_ours(pool: Pool) -> None:
    assert "another file system" in pool.refused("images")
    assert "another file system" in pool.refused("images/x")
    assert "another file system" in pool.unfit("images")


def test_a_bind_mount_inside_is_not_ours(pool: Pool) -> None:
    (pool.off / "one").mkdir()
    (pool.off / "two").mkdir()
    pool.bind(pool.off / "one", pool.off / "two")
    assert "another file system" in pool.refused("two")


def test_below_what_is_missing(pool: Pool) -> None:
    assert "does not exist" in pool.refused("a/b")
    assert "does not exist" in pool.unfit("a")


def test_an_unmounted_dataset(pool: Pool) -> None:
    pool.make("cache")
    pool.unmount(pool.off / "images")
    pool.unmount(pool.off)
    (pool.off / "cache").mkdir()
    assert "tank/off is not mounted" in pool.refused("cache")
    assert "tank/off is not mounted" in pool.unfit("cache")


def test_a_hidden_dataset(pool: Pool) -> None:
    pool.mount("hdd/late", pool.top)
    assert "tank/off is mounted but hidden" in pool.refused("cache")
    assert "hdd/late" in pool.unfit()


def test_another_dataset_on_the_same_path(pool: Pool) -> None:
    pool.mount("hdd/late", pool.off)
    assert "shows dataset hdd/late" in pool.refused("cache")


def test_a_dataset_mounted_elsewhere(pool: Pool) -> None:
    where = str(pool.off)
    action = act.SetAccess(f"{OFF}/images", where, "", Access(mode=0o777))
    with pytest.raises(HostError, match=f"is mounted at {where}/images, not at {where}"):
        pool.directories.set_access(action)


def test_a_bound_part_of_a_dataset_is_not_the_dataset(pool: Pool) -> None:
    (pool.off / "part").mkdir()
    (pool.top / "there").mkdir()
    pool.bind(pool.off / "part", pool.top / "there")
    action = act.SetAccess(OFF, str(pool.top / "there"), "", Access(mode=0o777))
    with pytest.raises(HostError, match="is mounted at"):
        pool.directories.set_access(action)


def test_which_dataset_a_path_shows(pool: Pool) -> None:
    assert pool.mounts.shown(str(pool.off)) == (OFF, "")
    assert pool.mounts.shown(str(pool.off / "images")) == (f"{OFF}/images", "")
    assert pool.mounts.shown("/proc")[1] == "it lies in proc proc, not in a dataset"
    assert pool.mounts.shown(str(pool.off / "nothing")) == ("", "it does not exist")
    (pool.off / "link").symlink_to("images")
    assert "symbolic link" in pool.mounts.shown(str(pool.off / "link"))[1]
    table = pool.mounts.table()
    assert pool.mounts.visible(table)[OFF] == str(pool.off)
    pool.mount("hdd/late", pool.off)
    assert OFF not in pool.mounts.visible(pool.mounts.table())


def test_a_source_that_is_right(pool: Pool) -> None:
    pool.make("cache")
    assert pool.unfit() == ""
    assert pool.unfit("cache") == ""
    assert pool.directories.obstacle(str(pool.off)) == ""
    assert pool.unfit("../x") != ""


def test_a_mount_table_that_cannot_be_read_is_no_answer(tmp_path: Path) -> None:
    for content in (None, b"", b"nonsense"):
        if content is not None:
            (tmp_path / "mountinfo").write_bytes(content)
        with pytest.raises(HostError, match="cannot read what is mounted"):
            Mounts(tmp_path / "mountinfo").table()


def test_names_that_are_no_text_are_shown_escaped(tmp_path: Path) -> None:
    for name in (b"a\nb", b"\xff", b"\x1b[31mred", "café".encode()):
        (tmp_path / os.fsdecode(name)).write_text("")
    assert directories.contents(str(tmp_path)) == (
        "\\x1b[31mred",
        "a\\nb",
        "café",
        "\\udcff",
    )
    assert directories.contents(str(tmp_path / "nothing")) is None


def test_only_some_of_many_names_are_shown(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number:02}").write_text("")
    assert directories.contents(str(tmp_path)) == ("00", "01", "02", "03", "04", "...")
