"""Which tunnels a release would cut, by what the hosts said last of their ends. Pure.

A key is replaced in phases, and each has its time: a server end must not forget a key that a
client end still uses, and a client end must not use one that the server end has not taken up. Only
the reports of the far ends can say so; the release alone cannot. A revoked key is meant to be cut.
A host that reported, but not of its tunnels, may use any key that it was given.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from offctl.desired.model import DesiredState, TunnelEnd
from offctl.report import Report, TunnelStatus

Reports = Mapping[str, Report | None]


@dataclass(frozen=True, slots=True)
class _Keys:
    """What a release says of one tunnel: generations, and the hosts of its ends."""

    used: frozenset[int]
    accepted: frozenset[int]
    revoked: int
    hosts: tuple[str, ...]


def cuts(wanted: Mapping[str, DesiredState], reports: Reports) -> Iterator[tuple[str, str]]:
    """Tunnel and reason for each that would not work any more; `wanted` is by host."""
    servers = _ends(wanted, "server")
    for name, (host, ends) in _ends(wanted, "client").items():
        if name not in servers:
            continue  # its server end is not managed here
        server, accepted = servers[name]
        (end,) = ends
        used = {s.generation for s in _said(reports, host, name, "client")}
        generations = {each.generation for each in accepted}
        revoked = max(each.revoked for each in accepted)
        for generation in sorted(used - generations):
            if generation > revoked:
                yield (
                    name,
                    f"{server} would not accept generation {generation} any more, "
                    f"and {host} has not said that it uses another",
                )
        taken = {s.generation for s in _said(reports, server, name, "server") if _works(s)}
        if used and end.generation not in used | taken and min(used) > revoked:
            yield (
                name,
                f"{host} would use generation {end.generation}, "
                f"and {server} has not said that it accepts it",
            )


def unsaid(
    wanted: Mapping[str, DesiredState],
    mute: Collection[str],
    published: Mapping[str, DesiredState] | None,
) -> Iterator[tuple[str, str]]:
    """Tunnel and host for each that may be cut, for all that a host in `mute` says.

    What the release `published` before allows is not cut by one that allows it too; None when that
    is not known.
    """
    before = None if published is None else _keys(published)
    for name, keys in _keys(wanted).items():
        if before is None or (name in before and _takes(before[name], keys)):
            yield from ((name, host) for host in keys.hosts if host in mute)


def _takes(before: _Keys, after: _Keys) -> bool:
    """Whether a key that may be in use is not accepted any more, or another is to be used."""
    used, accepted = (
        {generation for generation in each if generation > after.revoked}
        for each in (before.used, before.accepted)
    )
    return not accepted <= after.accepted or (bool(used) and used != after.used)


def _keys(wanted: Mapping[str, DesiredState]) -> dict[str, _Keys]:
    sides = _ends(wanted, "client"), _ends(wanted, "server")
    found = {}
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        (client, uses), (server, accepts) = (side.get(name, ("", ())) for side in sides)
        found[name] = _Keys(
            frozenset(end.generation for end in uses),
            frozenset(end.generation for end in accepts),
            max(end.revoked for end in (*uses, *accepts)),
            tuple(dict.fromkeys(host for host in (client, server) if host)),
        )
    return found


def _ends(
    wanted: Mapping[str, DesiredState], role: str
) -> dict[str, tuple[str, tuple[TunnelEnd, ...]]]:
    """The host and the ends, one for each generation, of every tunnel."""
    found: dict[str, tuple[str, tuple[TunnelEnd, ...]]] = {}
    for host, state in wanted.items():
        for end in state.tunnels:
            if end.role == role and not end.kept and not end.psk_file:
                before = found.get(end.name, (host, ()))[1]
                found[end.name] = host, (*before, end)
    return found


def _said(reports: Reports, host: str, name: str, role: str) -> Iterator[TunnelStatus]:
    report = reports.get(host)
    for status in () if report is None else report.tunnels:
        if status.tunnel == name and status.role == role:
            yield status


def _works(status: TunnelStatus) -> bool:
    return status.state == "loaded"
