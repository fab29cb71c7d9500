"""Reading mount tables, and what hides what."""

from pathlib import Path
from typing import Any

import pytest
import tomli

from host import cases
from offctl import errors
from offctl_agent.host import mountinfo

DATA = Path(__file__).with_name("mountinfo.toml")
REFUSED = tomli.loads(DATA.read_text())["refused"][0]["lines"]


@pytest.mark.parametrize("case", cases.load(__file__, DATA.name), ids=lambda c: c["name"])
def test_what_paths_show(case: dict[str, Any]) -> None:
    table = mountinfo.parse("\n".join(case["table"]).encode() + b"\n")
    for path, source in case["shows"].items():
        found = table.at(path)
        assert (found.source if found else "") == source
    if len(table.mounts) > 1:
        hidden = [m.target for m in table.mounts if not table.visible(m)]
        assert hidden == case.get("hidden", [])


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_no_mount_table(line: str) -> None:
    with pytest.raises(errors.MalformedError, match="cannot read the mount table"):
        mountinfo.parse(line.encode())


def test_one_line_is_found_by_its_number_and_no_other_is_read() -> None:
    lines = (b"no mount at all", b"125 1 8:1 / / rw - ext4 a rw", b"25 1 8:1 / / rw - ext4 b rw")
    content = b"\n".join(lines)
    found = mountinfo.numbered(content, 25)
    assert found is not None
    assert found.source == "b"
    assert mountinfo.numbered(content, 5) is None
    assert mountinfo.numbered(b"", 25) is None


@pytest.mark.parametrize("line", [line for line in REFUSED if line.startswith("25 ")])
def test_a_line_with_the_number_that_is_no_mount(line: str) -> None:
    content = line.rpartition("\n")[2].encode()
    with pytest.raises(errors.MalformedError, match="cannot read the mount table: line 1"):
        mountinfo.numbered(content, int(content[:2]))


def test_bytes_that_are_no_text_survive() -> None:
    table = mountinfo.parse(rb"25 1 8:1 / / rw - ext4 /dev/\377\303 rw")
    assert table.mounts[0].source.encode(errors="surrogateescape") == b"/dev/\xff\xc3"


def test_every_mount_of_this_machine_is_read() -> None:
    content = Path("/proc/self/mountinfo").read_bytes()
    table = mountinfo.parse(content)
    assert len(table.mounts) == content.count(b"\n")
    root = table.at("/")
    assert root is not None
    assert root.target == "/"
    assert table.visible(root)


def test_what_lies_below() -> None:
    lines = (
        b"25 1 8:1 / / rw - ext4 sda rw",
        b"40 25 0:50 / /a/b rw - zfs hidden rw",
        b"41 25 0:51 / /a rw - zfs a rw",
        b"42 41 0:52 / /a/c rw - zfs c rw",
        b"43 25 0:53 / /ab rw - zfs ab rw",
    )
    table = mountinfo.parse(b"\n".join(lines))
    assert [m.source for m in table.below("/a")] == ["c"]
    assert [m.source for m in table.below("/")] == ["a", "c", "ab"]
