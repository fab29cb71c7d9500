"""The Proxmox host this machine is, with every door in its place."""

from collections.abc import Callable
from pathlib import Path

from offctl import errors
from offctl.tunnelkeys import TunnelSecret
from offctl_agent.proxmox.calls import Calls
from offctl_agent.proxmox.datasets import Datasets
from offctl_agent.proxmox.directories import Directories
from offctl_agent.proxmox.floors import PoolFloors
from offctl_agent.proxmox.host import ProxmoxHost
from offctl_agent.proxmox.mounts import Mounts
from offctl_agent.proxmox.pools import Pools
from offctl_agent.proxmox.running import Running
from offctl_agent.proxmox.tunnels import TunnelDoor
from offctl_agent.proxmox.zfs import Zfs

ROOT = Path("/")


def machine(
    node: str, secret: Callable[[], TunnelSecret], alive: Callable[[], None], root: Path = ROOT
) -> tuple[ProxmoxHost, PoolFloors]:
    """The machine we run on as the host `node`, and where it keeps its second copy of the floor.

    `secret` reads its tunnel key; `alive` hears that a long command goes on.

    Raises AdminError on a machine that never was a Proxmox host: there nothing may be done. One
    whose /etc/pve is only not there now is a host with nothing known of it.
    """
    if not (root / "etc/pve").is_dir():
        raise errors.AdminError(
            "cannot manage this machine: it is no Proxmox VE host (there is no /etc/pve)",
            hint='set `simulated = "DIRECTORY"` in agent.toml (made by `offctl-simhost`) to try',
        )
    calls, zfs, pools = Calls(alive), Zfs(), Pools(alive=alive)
    floors = PoolFloors(zfs, pools)
    datasets = Datasets(calls, alive=alive, zfs=zfs, pools=pools, floors=floors)
    running = Running(root)
    tunnels = TunnelDoor(root, running, secret, alive=alive)
    host = ProxmoxHost(
        *(root, node, datasets, Directories(Mounts()), tunnels),
        alive=alive,
        calls=calls,
        running=running,
    )
    return host, floors
