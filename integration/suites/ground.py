"""What the agents of a scene look after, and how an operator looks at it and meddles with it.

The one place that knows: Proxmox hosts with pools and containers of their own.
"""

from integration.pve import guest
from integration.rig.machine import Machine


def prepare(host: Machine) -> None:
    """Make the empty host that the site expects."""
    guest.lay_out(host, host.name, {"tank": "vdb"}, {"local-zfs": "tank/pve"})


def datasets(host: Machine) -> list[str]:
    """The datasets that are really there, without the volumes of containers."""
    found = host.out("zfs", "list", "-H", "-o", "name").split()
    return [name for name in found if not name.startswith("tank/pve/")]


def set_property(host: Machine, dataset: str, name: str, value: str) -> None:
    """What an operator does by hand."""
    host.run("zfs", "set", f"{name}={value}", dataset)


def get_property(host: Machine, dataset: str, name: str) -> str:
    """A property as it really is."""
    return host.out("zfs", "get", "-Hp", "-o", "value", name, dataset)


def containers(host: Machine) -> dict[str, str]:
    """The state of each container by its number."""
    rows = [line.split() for line in host.out("pct", "list").splitlines()[1:]]
    return {row[0]: row[1] for row in rows}
