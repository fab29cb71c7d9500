"""What has happened to hosts like ours, on real datasets and containers."""

from integration.rig.machine import Machine
from integration.suites import inside


def test_inside(inside_host: Machine) -> None:
    inside.passes(inside_host, "integration/inside/test_accidents.py", seconds=1500)
