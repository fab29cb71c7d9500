"""Datasets, directories and mounts on real pools: the tests of integration/inside, in a guest."""

import pytest

from integration.rig.fleet import Fleet
from integration.suites import inside


@pytest.mark.parametrize("tests", ["test_contract.py", "test_real.py"])
def test_inside(bare_fleet: Fleet, tests: str) -> None:
    (guest,) = bare_fleet.add("off2")
    inside.bring(guest)
    inside.passes(guest, f"integration/inside/{tests}", seconds=1800)
