"""A sample of all moments at which an agent can be killed; `make nightly` takes them all."""

from pathlib import Path

from crash import everywhere


def test_a_sample_of_moments_and_pairs(tmp_path: Path) -> None:
    total, count, wrong = everywhere.everywhere(
        tmp_path / "rooms", every=23, pairs=6, seed=1, seconds=120
    )
    assert wrong == {}
    assert total > 90
    assert count > total // 23
