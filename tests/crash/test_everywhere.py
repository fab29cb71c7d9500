"""A sample of all moments at which an agent can be killed; `make nightly` takes them all."""

from pathlib import Path

import pytest

from crash import everywhere
from crash.room import Room
from crash.verdicts import Approving, Trying


@pytest.mark.parametrize(
    ("kind", "every", "pairs", "least"),
    [(Room, 23, 6, 90), (Trying, 13, 3, 60), (Approving, 13, 3, 40)],
    ids=["a busy run", "a change that is taken back", "a plan that is approved"],
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
