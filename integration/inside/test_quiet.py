"""A host on which there is nothing to do: what the real agent starts there, and what it leaves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.inside import guests
from integration.inside.pools import shell
from integration.inside.resident import Resident
from planner import case

OTHERS = {"source": "vdc", "third": "vdd"}
SITE = f"""
[[dataset]]
name = "tank/db"
properties = {{ compression = "lz4", "org:note" = "x" }}
directory = [{{ path = "data", uid = 1000, gid = 1000 }}]

[[dataset]]
name = "source/off"

[[dataset]]
name = "third/logs"
inherit = ["atime"]

[[container]]
id = 120
template = "{guests.TEMPLATE}"
root = {{ storage = "tank-pve", size_gib = 1 }}
options = {{ hostname = "db", memory = "128" }}
mount = [{{ target = "/data", source = "/tank/db", dataset = "tank/db" }}]
"""


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Resident]:
    with guests.real(tmp_path):
        for pool, disk in OTHERS.items():
            shell("zpool", "create", "-f", pool, disk)
        home = tmp_path / "agent"
        home.mkdir()
        try:
            yield Resident(home, case.desired(SITE))
        finally:
            for pool in OTHERS:
                shell("zpool", "destroy", "-f", pool)


def lines(pool: str) -> int:
    """What stands in the history of a pool, internal events too."""
    return len(shell("zpool", "history", "-i", pool).splitlines())


def test_a_quiet_cycle_starts_one_program_for_each_pool_and_no_other(agent: Resident) -> None:
    """And leaves no line in the history of a pool: that is people's."""
    agent.build()
    with agent.served():
        # One that has just started knows nothing; it starts no more for that.
        assert agent.started()[1:] == ["zfs get"] * 3
        for _ in range(2):
            before = {pool: lines(pool) for pool in ("tank", *OTHERS)}
            assert agent.ring() == ["zfs get"] * 3
            assert {pool: lines(pool) for pool in before} == before
    assert agent.apply() == ["zfs get"] * 3
