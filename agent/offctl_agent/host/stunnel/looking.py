"""Looking at one stunnel instance: its files, its process, its sockets, and whether it works."""

from collections.abc import Iterable
from dataclasses import replace
import ipaddress

from offctl.desired.model import TunnelEnd
from offctl.observed import ObservedInstance, ObservedTunnel
from offctl_agent.host.stunnel import configuration, sockets
from offctl_agent.host.stunnel.directory import Directory
from offctl_agent.host.stunnel.processes import Process
from offctl_agent.host.stunnel.proofs import Question
from offctl_agent.host.stunnel.seat import Seat
from offctl_agent.host.stunnel.sections import CLIENT, Section
from offctl_agent.host.stunnel.sockets import Address
from offctl_agent.host.stunnel.wanted import Wanted

AGED = (
    "it goes on with the key it has, because one of its hosts has another tunnel key now, and "
    "a key never changes without a new generation: rotate the tunnel"
)


def refusal(ends: Iterable[TunnelEnd], own: Iterable[Address]) -> str:
    """Why ends must not listen where they are asked to; empty when they may.

    Judged by the interfaces there really are: an address that is not there cannot be bound, and
    one instance that cannot bind one address serves none.
    """
    there = set(own)
    for end in ends:
        if end.role == CLIENT and sockets.is_exposed(end.accept):
            return (
                f"tunnel {end.name} would let everybody in at {end.accept}: a client end listens "
                "on one private or loopback address only"
            )
        host = end.accept.rpartition(":")[0]
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            continue
        if not address.is_unspecified and not address.is_loopback and address not in there:
            return f"tunnel {end.name} listens at {end.accept}, and there is no such address here"
    return ""


def blind(there: ObservedInstance, ends: Iterable[TunnelEnd]) -> ObservedInstance:
    """An instance of which nothing is known but what is asked of it."""
    unseen = tuple(ObservedTunnel(e.name, e.role, e.generation, listening=False) for e in ends)
    return replace(there, ends=unseen)


def look(
    there: ObservedInstance,
    ends: tuple[TunnelEnd, ...],
    place: Directory,
    seat: Seat,
    wanted: Wanted,
) -> tuple[ObservedInstance, Question | None]:
    """One instance as it is, and what has to be tried to know whether it works.

    Raises HostError, AdminError.
    """
    if not wanted.sections:
        obstacle = next(iter(wanted.troubles.values()))
        return replace(blind(there, ends), obstacle=obstacle), None
    rendering = wanted.rendering()
    process = seat.process(wanted.main)
    listening = () if process is None else process.listening
    seen = replace(
        there,
        missing=seat.missing(there.instance),
        different=tuple(flaw.text for flaw in place.flaws(rendering, seat.owner())),
        uncut=tuple(sorted(wanted.cuts() - place.cut())),
        leftover=place.leftovers(rendering),
        running=process is not None,
        loaded=in_force(process, wanted, rendering.marker),
        surplus=surplus(listening, wanted.sections),
        ends=tuple(_end(end, wanted, listening, _successors(ends)) for end in ends),
    )
    return seen, question(seen, seat, process, clients(wanted.clients(), listening))


def question(
    seen: ObservedInstance, seat: Seat, process: Process | None, addresses: tuple[str, ...]
) -> Question | None:
    """What has to be tried of an instance; the marker is among the sockets of its process."""
    if process is None or not addresses:
        return None
    return Question((seen.container, seen.instance), (process, addresses), addresses, seat)


def clients(wanted: Iterable[Section], listening: tuple[str, ...]) -> tuple[str, ...]:
    """The addresses of the client sections that listen."""
    return tuple(s.accept for s in wanted if s.role == CLIENT and _listens(s, listening))


def in_force(process: Process | None, wanted: Wanted, marker: str) -> bool:
    """Whether a process has read exactly what is wanted: its sockets are those, and no others."""
    if process is None or marker not in process.listening:
        return False
    listens = all(_listens(section, process.listening) for section in wanted.sections)
    return listens and not surplus(process.listening, wanted.sections)


def proofs(seat: Seat, wanted: Wanted, process: Process, hold: float) -> dict[str, str]:
    """What became of a connection through each client section that listens, by its address."""
    addresses = clients(wanted.clients(), process.listening)
    return dict(seat.prove(addresses, hold)) if addresses else {}


def surplus(listening: Iterable[str], wanted: Iterable[Section]) -> tuple[str, ...]:
    """Sockets that no section asks for; the markers are ours."""
    accepts = [section.accept for section in wanted]
    return tuple(
        socket
        for socket in listening
        if not configuration.is_marker(socket)
        and not any(sockets.satisfies(socket, accept) for accept in accepts)
    )


def _listens(section: Section, listening: Iterable[str]) -> bool:
    return any(sockets.satisfies(socket, section.accept) for socket in listening)


def _successors(ends: Iterable[TunnelEnd]) -> frozenset[tuple[str, int]]:
    """Generations of tunnels that are being replaced here."""
    return frozenset((end.name, end.generation - 1) for end in ends)


def _end(
    end: TunnelEnd,
    wanted: Wanted,
    listening: tuple[str, ...],
    replaced: frozenset[tuple[str, int]],
) -> ObservedTunnel:
    aged = end.identity in wanted.aged and (end.name, end.generation) not in replaced
    return ObservedTunnel(
        end.name,
        end.role,
        end.generation,
        listening=any(sockets.satisfies(socket, end.accept) for socket in listening),
        trouble=wanted.troubles.get(end.identity, ""),
        aged=AGED if aged else "",
    )
