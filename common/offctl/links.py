"""Tunnels as links: what the reports of both hosts say of the two ends of each. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from offctl.report import Report, TunnelStatus

# Worst first: a link is as good as its worse end, and a right one as good as its better.
ORDER = ("down", "broken", "unknown", "not loaded", "silent", "loaded", "proven")
RIGHT = frozenset({"loaded", "proven"})


@dataclass(frozen=True, slots=True)
class End:
    """One end of a link in one generation, and the host that says so."""

    host: str
    status: TunnelStatus


@dataclass(frozen=True, slots=True)
class Link:
    """One tunnel. `unheard` are hosts that should have an end of it and say nothing of it."""

    name: str
    ends: tuple[End, ...]
    unheard: tuple[str, ...]

    @property
    def state(self) -> str:
        """One word: what the worse of its ends is; `proven` when the client end says so."""
        words = [end.status.state for end in self.ends] + ["silent" for _ in self.unheard]
        choose = max if RIGHT.issuperset(words) else min
        return choose(words, key=ORDER.index)

    @property
    def since(self) -> str:
        """Since when the end that decides has been so."""
        state = self.state
        return max((e.status.since for e in self.ends if e.status.state == state), default="")

    @property
    def proven_at(self) -> str:
        """When a connection through it was last seen to stay up; empty when it does not, now."""
        return max((end.status.proven_at for end in self.ends), default="")

    @property
    def used(self) -> tuple[int, ...]:
        """The generation its client end uses; none when nobody says."""
        return self._generations("client")

    @property
    def accepted(self) -> tuple[int, ...]:
        """The generations its server end accepts; two during a rotation, none when nobody says."""
        return self._generations("server")

    @property
    def between(self) -> str:
        """Since when its two ends have not had the same keys, as in a rotation that waits."""
        if not self.used or not self.accepted or self.used == self.accepted:
            return ""
        return max(end.status.since for end in self.ends if end.status.generation not in self.used
                   or end.status.role == "client")  # fmt: skip

    @property
    def right(self) -> bool:
        """Whether nothing is wrong as far as anybody says."""
        return self.state in RIGHT

    @property
    def generations(self) -> tuple[int, ...]:
        """All that are in use or accepted; two during a rotation."""
        return tuple(sorted({end.status.generation for end in self.ends}))

    @property
    def consumers(self) -> tuple[str, ...]:
        return tuple(sorted({each for end in self.ends for each in end.status.consumers}))

    def _generations(self, role: str) -> tuple[int, ...]:
        return tuple(sorted({e.status.generation for e in self.ends if e.status.role == role}))

    def says(self, host: str, role: str, generation: int, states: Iterable[str]) -> bool:
        """Whether `host` itself says of its end in one generation that it is in one of `states`."""
        return any(
            end.host == host
            and end.status.role == role
            and end.status.generation == generation
            and end.status.state in states
            for end in self.ends
        )


def links(
    reports: Mapping[str, Report | None], only: Collection[str] | None = None
) -> tuple[Link, ...]:
    """Every tunnel that any host speaks of, worst first; a host without a report says nothing.

    `only` names those that are wanted.
    """
    ends: dict[str, list[End]] = {}
    for host in sorted(reports):
        report = reports[host]
        for status in () if report is None else report.tunnels:
            if only is None or status.tunnel in only:
                ends.setdefault(status.tunnel, []).append(End(host, status))
    found = [Link(name, tuple(each), _unheard(each, reports)) for name, each in ends.items()]
    return ordered(found)


def ordered(found: Iterable[Link]) -> tuple[Link, ...]:
    """Worst first, and by name."""
    return tuple(sorted(found, key=lambda link: (ORDER.index(link.state), link.name)))


def as_json(link: Link) -> dict[str, Any]:
    """One link for programs; keys are stable."""
    return {
        "tunnel": link.name,
        "state": link.state,
        "since": link.since,
        "proven_at": link.proven_at,
        "used": list(link.used),
        "accepted": list(link.accepted),
        "generations": list(link.generations),
        "consumers": list(link.consumers),
        "unheard": list(link.unheard),
        "ends": [{"host": end.host, **asdict(end.status)} for end in link.ends],
    }


def _unheard(ends: list[End], reports: Mapping[str, Report | None]) -> tuple[str, ...]:
    """Peers that are hosts of this site and have not said anything of their end."""
    heard = {(end.host, end.status.role) for end in ends}
    told = set()
    for end in ends:
        other = "server" if end.status.role == "client" else "client"
        if end.status.peer in reports and (end.status.peer, other) not in heard:
            told.add(end.status.peer)
    return tuple(sorted(told))
