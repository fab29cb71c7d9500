"""The contract that every Host must keep, whatever it is made of."""

from host.contract.damage import DamageContract
from host.contract.datasets import DatasetContract
from host.contract.directories import DirectoryContract
from host.contract.looking import LookingContract
from host.contract.mounts import MountContract
from host.contract.options import OptionContract
from host.contract.running import RunContract


class Contract(
    DamageContract,
    DatasetContract,
    DirectoryContract,
    LookingContract,
    MountContract,
    OptionContract,
    RunContract,
):
    """All tests; a subclass gives the fixture `rig`."""
