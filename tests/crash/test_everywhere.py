"""A sample of all moments at which an agent can be killed or its disk refuses; `make nightly` takes
them all.
"""

from pathlib import Path

import pytest

from crash import everywhere
from crash.refusing import Full, ReadOnly, Unreadable
from crash.room import Room
from crash.verdicts import Approving, Trying


@pytest.mark.parametrize(
    ("kind", "every", "pairs", "least"),
    [
        pytest.param(Room, 23, 6, 90, id="a busy run"),
        pytest.param(Trying, 13, 3, 60, id="a change that is taken back"),
        pytest.param(Approving, 13, 3, 40, id="a plan that is approved"),
        pytest.param(Full, 7, 2, 30, id="no room for one change"),
        pytest.param(ReadOnly, 7, 2, 30, id="a disk that becomes read-only"),
        pytest.param(Unreadable, 7, 2, 30, id="a file that cannot be read once"),
    ],
)
def test_a_sample_of_moments_and_pairs(
    tmp_path: Path, kind: type[Room], every: int, pairs: int, least: int
) -> None:
    total, count, wrong = everywhere.everywhere(
        tmp_path / "rooms", kind, every=every, pairs=pairs, seed=1, seconds=120
    )
    assert wrong == {}
    assert total > least
    assert count > total // every
