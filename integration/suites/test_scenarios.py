"""Days of a host with real datasets and containers: built, left alone, drifted, mended."""

from integration.rig.machine import Machine
from integration.suites import inside


def test_inside(inside_host: Machine) -> None:
    inside.passes(inside_host, "integration/inside/test_scenarios.py", seconds=1500)
