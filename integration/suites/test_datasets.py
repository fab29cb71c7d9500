"""Datasets, directories and mounts on real pools, and what a quiet agent starts there.

The tests are those of integration/inside, all in one guest and one interpreter: starting either
costs more than most of them.
"""

from integration.rig.machine import Machine
from integration.suites import inside

TESTS = ("contract", "quiet", "real")


def test_inside(inside_host: Machine) -> None:
    files = " ".join(f"integration/inside/test_{name}.py" for name in TESTS)
    inside.passes(inside_host, files, seconds=1800)
