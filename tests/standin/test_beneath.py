"""Directories are reached without following any link, and made inside whatever is there."""

import errno
import os
from pathlib import Path

import pytest

from integration.pct import beneath

ME = (os.getuid(), os.getgid())


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "file").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "reason", "number"),
    [
        ("real", "", 0),
        ("real//./inner/", "", 0),
        ("nothing", "missing", errno.ENOENT),
        ("real/nothing/more", "missing", errno.ENOENT),
        ("link", "symlink", errno.ENOTDIR),
        ("link/inner", "symlink", errno.ENOTDIR),
        ("file", "file", errno.ENOTDIR),
        ("file/more", "file", errno.ENOTDIR),
    ],
)
def test_a_source_is_a_directory_without_links(
    tree: Path, path: str, reason: str, number: int
) -> None:
    assert beneath.obstacle(f"{tree}/{path}") == reason
    if not reason:
        os.close(beneath.opened(f"{tree}/{path}"))
        return
    with pytest.raises(OSError) as caught:
        beneath.opened(f"{tree}/{path}")
    assert caught.value.errno == number


def test_a_mount_point_is_made(tree: Path) -> None:
    descriptor = beneath.made(str(tree), "real/new/deep", ME)
    assert os.fstat(descriptor).st_ino == (tree / "real/new/deep").stat().st_ino
    os.close(descriptor)


@pytest.mark.parametrize("path", ["link/new", "file/new", "file"])
def test_nothing_is_made_through_a_link(tree: Path, path: str) -> None:
    before = sorted(tree.rglob("*"))
    with pytest.raises(OSError) as caught:
        beneath.made(str(tree), path, ME)
    assert caught.value.errno == errno.ENOTDIR
    assert sorted(tree.rglob("*")) == before
