"""What containers really show: each case a pair of mount tables."""

from pathlib import Path
from typing import Any

import pytest
import tomli

from offctl_agent.host import mountinfo
from offctl_agent.proxmox import effective

CASES = tomli.loads((Path(__file__).parent / "effective.toml").read_text())["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_mounts(case: dict[str, Any]) -> None:
    inside, host = (
        mountinfo.parse(case[name].strip().encode() + b"\n") for name in ("inside", "host")
    )
    found = effective.mounts(inside, host, case.get("mountpoints", {}), case.get("asked", ()))
    separator = case.get("separator", " ")
    assert [separator.join(pair) for pair in found] == case["gives"]


def test_a_container_cannot_make_the_report_grow_without_end() -> None:
    lines = ["500 499 0:60 / / rw - zfs p rw"]
    lines += [f"{n} 500 8:1 /x /m{n} rw - ext4 /dev/sda1 rw" for n in range(1000, 2500)]
    inside = mountinfo.parse("\n".join(lines).encode())
    host = mountinfo.parse(b"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n")
    assert len(effective.mounts(inside, host, {}, ())) == effective.MAX_MOUNTS
