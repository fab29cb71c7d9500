"""From the tunnel ends of one stunnel instance to its sections. Pure; knows no key."""

from collections.abc import Iterable
from dataclasses import dataclass

from offctl import errors
from offctl.desired.model import TunnelEnd

CLIENT = "client"
SERVER = "server"
# Sections of ours besides those of the text; no service may be called like one.
RESERVED = "offctl"


@dataclass(frozen=True, slots=True)
class Section:
    """One service of stunnel: a client end, or a server with every end that may come in by it."""

    name: str
    role: str
    accept: str
    connect: str
    ends: tuple[TunnelEnd, ...]

    @property
    def identities(self) -> tuple[str, ...]:
        return tuple(end.identity for end in self.ends)


def sections(ends: Iterable[TunnelEnd]) -> tuple[Section, ...]:
    """The sections of one instance by name; raises MalformedError when one would mean two things.

    A client section has one identity, its own; a server section one for each client, and during a
    rotation two for one.
    """
    grouped: dict[str, list[TunnelEnd]] = {}
    for end in sorted(ends, key=lambda e: (e.section, e.name, e.generation)):
        grouped.setdefault(end.section, []).append(end)
    return tuple(_section(name, tuple(group)) for name, group in sorted(grouped.items()))


def _section(name: str, ends: tuple[TunnelEnd, ...]) -> Section:
    first = ends[0]
    if name.lower().startswith(RESERVED):
        raise errors.MalformedError(f"cannot use section {name!r}: the name is kept for offctl")
    if first.role == CLIENT and len(ends) > 1:
        raise errors.MalformedError(f"cannot use section {name!r}: it would have two clients")
    for end in ends:
        if (end.role, end.accept, end.connect) != (first.role, first.accept, first.connect):
            raise errors.MalformedError(f"cannot use section {name!r}: it would mean two things")
    identities = [end.identity for end in ends]
    if len(set(identities)) < len(identities):
        raise errors.MalformedError(f"cannot use section {name!r}: an identity stands twice")
    return Section(name, first.role, first.accept, first.connect, ends)
