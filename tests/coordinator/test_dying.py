"""A coordinator that is killed again and again starts each time, with all it was told it has."""

import json
import os
from pathlib import Path
import subprocess
import sys

from coordinator import dying
from offctl_coordinator.store import sql, sqlite

# A thousand, as `python -m coordinator.dying` takes them, need some minutes.
LIVES = 25
# A start that takes longer is one that cleans up too much.
SECONDS = 3.0


def test_no_death_costs_a_report_or_leaves_anything_behind(tmp_path: Path) -> None:
    # A process of its own: what forks here must not have the threads of other tests.
    done = subprocess.run(
        [sys.executable, dying.__file__, str(tmp_path), str(LIVES)],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    found = json.loads(done.stdout)
    assert found["lost"] == 0
    assert LIVES / 2 < found["opened"] <= LIVES
    assert found["stored"] > LIVES
    assert found["seconds"] < SECONDS
    assert set(found["files"]) <= {
        "coordinator.db",
        "coordinator.db-journal",
        "coordinator.db.lock",
    }
    assert found["bytes"] < 2 * sql.KEPT_REPORTS * len(dying.CONTENT)


def test_what_was_half_written_beside_the_database_goes(tmp_path: Path) -> None:
    left = tmp_path / f".floor.json.{os.urandom(8).hex()}.new"
    others = tmp_path / ".floor.json.new"
    for path in (left, others):
        path.write_bytes(b"half")
    with sqlite.opened(tmp_path / "coordinator.db"):
        assert not left.exists()
        assert others.exists()
