"""The host contract on the simulated host."""

from pathlib import Path

import pytest

from host.contract import Contract
from host.rig import Rig
from host.simulatedrig import SimulatedRig


class TestSimulated(Contract):
    @pytest.fixture
    def rig(self, tmp_path: Path) -> Rig:
        return SimulatedRig(tmp_path)
