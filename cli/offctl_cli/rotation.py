"""The phases of a rotation: which comes next, and whether its time has come. Pure.

    generation g                       both ends use g
    generation g+1, rotation "accept"  the server takes both, the client uses g
    generation g+1, rotation "switch"  the server takes both, the client uses g+1
    generation g+1                     both ends use g+1

Each phase is a release of its own, and needs the word of the far end: that its stunnel has loaded
the new key, or that a connection with it stays up. So no phase cuts anybody.
"""

from dataclasses import dataclass

from offctl.links import Link
from offctl_cli.site.tables.tunnels import Tunnel

ACCEPT = "accept"
SWITCH = "switch"


@dataclass(frozen=True, slots=True)
class Phase:
    """What to write in the site: a generation, and where the rotation stands (None: nowhere)."""

    generation: int
    rotation: str | None
    told: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """Why the next phase must wait, and for whom."""

    reason: str


def following(
    name: str, tunnel: Tunnel, hosts: tuple[str, str], link: Link | None
) -> Phase | NotYet:
    """The next phase of a tunnel; `link` is what the hosts say of it, None when nothing.

    `hosts` are those of its client and of its server end: nobody else has a say.
    """
    new = tunnel.generation
    if tunnel.psk:
        return NotYet(f"{name}: it is kept as people made it; remove psk first")
    if tunnel.psk_file:
        return NotYet(f"{name}: its key is in {tunnel.psk_file}; people have to replace it")
    if tunnel.rotation is None:
        told = f"its server end accepts generation {new + 1} too"
        return Phase(new + 1, ACCEPT, told)
    if tunnel.rotation == ACCEPT:
        if link is None or not link.says(hosts[1], "server", new, ("loaded",)):
            return NotYet(f"{name}: its server end has not said that it accepts generation {new}")
        return Phase(new, SWITCH, f"its client end uses generation {new}")
    if link is None or not link.says(hosts[0], "client", new, ("proven",)):
        return NotYet(f"{name}: its client end has not proven generation {new}; the old key stays")
    return Phase(new, None, f"generation {new - 1} is not accepted any more")


def revoked(tunnel: Tunnel) -> Phase:
    """At once and at both ends another key: the link is down until both have it."""
    new = tunnel.generation + 1
    return Phase(new, None, f"generation {tunnel.generation} is cut off, everywhere at once")
