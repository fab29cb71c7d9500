"""Guests that look like Proxmox hosts, from a saved state that has everything but a pool."""

from integration.pve import guest
from integration.rig import golden
from integration.rig.control import Done
from integration.rig.golden import Golden
from integration.rig.machine import Machine
from integration.suites import stock

PROLOGUE = f"T={guest.TEMPLATE}; export LC_ALL=C.UTF-8\n"


def ready(base: Golden, tell: stock.Tell, *, product: bool = False) -> Golden:
    """`base` with pct and what belongs to it; `product` where our packages are not installed."""

    def install(machine: Machine) -> None:
        guest.install(machine, product=product)

    return golden.prepared(base, stock.HARDWARE, guest.parts(), install, tell)


def lay_out(
    machine: Machine, pools: dict[str, str] | None = None, storages: dict[str, str] | None = None
) -> None:
    """Make a guest an empty host of its own name: by default one pool `tank` with one storage."""
    guest.lay_out(
        machine, machine.name, pools or {"tank": "vdb"}, storages or {"local-zfs": "tank/pve"}
    )


def shell(host: Machine, script: str, *, timeout: float = 240) -> Done:
    """A few lines of an operator, for whom `$T` is a template; whatever became of them."""
    return host.run("bash", "-c", PROLOGUE + script, check=False, timeout=timeout)
