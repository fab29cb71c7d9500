"""Datasets, directories and mounts on real pools: the tests of integration/inside, in a guest."""

from pathlib import Path
import sys

import _pytest
import iniconfig
import pluggy
import pytest

from integration.rig.fleet import Fleet
import packaging

ROOT = Path(__file__).resolve().parents[2]
HOME = "/root/offctl"
PATHS = ":".join(f"{HOME}/{name}" for name in ("lib", "agent", "common", "tests", ""))
# The guest is some ten times slower than this machine.
SECONDS = 1800.0


@pytest.mark.parametrize("tests", ["test_contract.py", "test_real.py"])
def test_inside(bare_fleet: Fleet, tests: str) -> None:
    """One process of pytest in the guest: importing costs more there than most tests."""
    (guest,) = bare_fleet.add("off2")
    for name in ("agent", "common", "tests", "integration"):
        guest.put(f"{HOME}/{name}", ROOT / name)
    for module in (pytest, _pytest, iniconfig, packaging, pluggy):
        assert module.__file__ is not None
        folder = Path(module.__file__).parent
        guest.put(f"{HOME}/lib/{folder.name}", folder)
    guest.put(f"{HOME}/lib/py.py", Path(_pytest.__file__).parent.parent / "py.py")
    argv = ("python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib")
    done = guest.run(
        "env",
        f"PYTHONPATH={PATHS}",
        *argv,
        f"{HOME}/integration/inside/{tests}",
        check=False,
        timeout=SECONDS,
    )
    sys.stdout.write(done.stdout)
    assert done.code == 0, f"{done.stdout[-8000:]}\n{done.stderr[-2000:]}"
