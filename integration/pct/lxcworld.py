"""The world of real containers, put together."""

from integration.pct import etcpve
from integration.pct.etcpve import EtcPve
from integration.pct.lxccontainers import LxcContainers
from integration.pct.zvolumes import ZVolumes
from offctl_agent.simulated.pctworld import World


def world() -> World:
    """What pct sees of the machine it runs on."""
    files, volumes = EtcPve(), ZVolumes()
    if not files.missing():
        # pmxcfs would have noticed by itself what was written by hand.
        etcpve.list_guests()
    return World(files, volumes, LxcContainers(files, volumes, volumes))
