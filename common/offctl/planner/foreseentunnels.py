"""Stunnel instances as a host will find them once it has a text that it has not got yet.

Where the text asks for what it asked for before, what was seen still holds. Where it asks for
something else, the files will differ, whatever is in them: which of them, the host will tell.
"""

from collections.abc import Iterable
from dataclasses import replace

from offctl.desired.model import Container, DesiredState, TunnelEnd
from offctl.observed import ObservedInstance, ObservedTunnel
from offctl.planner import resources, tunnels
from offctl.planner.plan import Finding, Resource
from offctl.planner.view import View

CHANGED = "not as this text asks"
PEER_KEY = "another key of the far host: which key is in the files, only this host can tell"
PEOPLE = "kept as people made it: whether it is as this text says, only this host can tell"
NEW = "whether something is there already that stands in the way, only this host can tell"


def instances(
    desired: DesiredState, view: View
) -> tuple[tuple[ObservedInstance, ...], tuple[Finding, ...]]:
    """Each instance that `desired` asks for, in the planner's order, and what is not known."""
    before = tunnels.grouped(view.ends)
    seen = {(each.container, each.instance): each for each in view.observed.tunnels}
    names = {container.id: container for container in desired.containers}
    found, unknown = [], []
    for key, ends in tunnels.grouped(desired.tunnels).items():
        instance, why = _foreseen(key, ends, before.get(key, ()), seen.get(key))
        found.append(instance)
        if why:
            unknown.append(Finding(_resource(key, names.get(key[0])), "unknown", why))
    return tuple(found), tuple(unknown)


def _resource(key: tuple[int, str], container: Container | None) -> Resource:
    return resources.stunnel(*key, "" if container is None else container.name)


def _foreseen(
    key: tuple[int, str],
    ends: tuple[TunnelEnd, ...],
    before: tuple[TunnelEnd, ...],
    there: ObservedInstance | None,
) -> tuple[ObservedInstance, str]:
    if there is None:
        new = ObservedInstance(*key, directory=False, different=(CHANGED,), kept=ends[0].kept)
        return replace(new, ends=_unseen(ends), unknown=PEOPLE if ends[0].kept else ""), NEW
    if _files(ends) == _files(before):
        return there, ""
    if ends[0].kept or there.kept:
        return replace(there, kept=ends[0].kept, unknown=PEOPLE), PEOPLE
    if _keyless(ends) == _keyless(before):
        return replace(there, unknown=PEER_KEY), PEER_KEY
    wished = replace(
        there,
        refusal="",
        different=(CHANGED,),
        loaded=False,
        uncut=tuple(sorted(_cuts(ends) - (_cuts(before) - set(there.uncut)))),
        ends=_unseen(ends),
    )
    return wished, there.refusal and f"it was refused before: {there.refusal}"


def _files(ends: Iterable[TunnelEnd]) -> list[TunnelEnd]:
    """What the files are made from: who uses a tunnel is not in them."""
    return [replace(end, peer_host="", consumers=()) for end in ends]


def _keyless(ends: Iterable[TunnelEnd]) -> list[TunnelEnd]:
    return [replace(end, peer_key="", psk_file="") for end in _files(ends)]


def _cuts(ends: Iterable[TunnelEnd]) -> set[str]:
    """As the host names revoked keys whose connections must not go on."""
    return {f"{end.name} {end.revoked}" for end in ends if end.revoked and end.role == "server"}


def _unseen(ends: Iterable[TunnelEnd]) -> tuple[ObservedTunnel, ...]:
    return tuple(ObservedTunnel(e.name, e.role, e.generation, listening=False) for e in ends)
