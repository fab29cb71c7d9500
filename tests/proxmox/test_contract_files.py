"""The host contract on the Proxmox host's own doors, over files in the formats of PVE and Linux."""

from pathlib import Path

import pytest

from host.contract import Contract
from host.rig import Rig
from proxmox.rig import ProxmoxRig


class TestProxmoxFiles(Contract):
    @pytest.fixture
    def rig(self, tmp_path: Path) -> Rig:
        return ProxmoxRig(tmp_path)
