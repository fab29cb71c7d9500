"""Which tunnels a release would cut, by what the hosts said last of their ends. Pure.

A key is replaced in phases, and each has its time: a server end must not forget a key that a
client end still uses, and a client end must not use one that the server end has not taken up. Only
the reports of the far ends can say so; the release alone cannot. A revoked key is meant to be cut.
"""

from collections.abc import Iterator, Mapping

from offctl.desired.model import DesiredState, TunnelEnd
from offctl.report import Report, TunnelStatus

Reports = Mapping[str, Report | None]


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
