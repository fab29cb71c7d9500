"""Real containers under the agent: the contract of a Host, and kill -9 at a step of every kind."""

import pytest

from integration.rig.machine import Machine
from integration.suites import inside


@pytest.mark.parametrize(
    ("tests", "seconds"),
    [("probed", 900), ("debt", 900), ("killed", 2400), ("containers", 2400)],
)
def test_inside(inside_host: Machine, tests: str, seconds: int) -> None:
    inside.passes(inside_host, f"integration/inside/test_{tests}.py", seconds=seconds)
