"""Going back: a new release with the content of an older one. Pure.

Not everything goes back. Who a host is, which hosts there are, what is frozen, how much one plan
may touch and how far tunnel keys have been rotated stay as they are now: going back never lets
somebody in again, ends no freeze and widens no limit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
import difflib

from offctl.desired import bundle as bundles
from offctl.desired.model import Container, DesiredState, Freeze, TunnelEnd
from offctl.trust.release import SignedRelease


@dataclass(frozen=True, slots=True)
class Reverted:
    """What the new release asks for; `notes` tell what did not go back."""

    states: tuple[DesiredState, ...]
    notes: tuple[str, ...]


def states(release: SignedRelease) -> dict[str, DesiredState]:
    """What a verified release asks of each host; raises MalformedError."""
    return {host: bundles.parse(content) for host, content in release.bundles}


def revert(older: SignedRelease, newest: SignedRelease) -> Reverted:
    """The content of `older` for the hosts of `newest`; raises MalformedError."""
    then, now = states(older), states(newest)
    notes = [
        f"{host}: it has left the site since, and stays out"
        for host in sorted(then)
        if host not in now
    ]
    keys = {host: state.identity.tunnel_key for host, state in now.items() if state.identity}
    found = []
    for host, state in sorted(now.items()):
        if host not in then:
            notes.append(f"{host}: it was not there then, and stays as it is")
            found.append(state)
            continue
        found.append(_reverted(then[host], state, keys, notes))
    return Reverted(tuple(found), tuple(notes))


def _reverted(
    then: DesiredState, now: DesiredState, keys: dict[str, str], notes: list[str]
) -> DesiredState:
    if now.freeze is not None or any(container.freeze for container in now.containers):
        notes.append(f"{now.host}: what is frozen stays frozen")
    frozen = {container.id: container.freeze for container in now.containers}
    return replace(
        then,
        identity=now.identity,
        freeze=now.freeze,
        max_delta=now.max_delta,
        approved=(),
        wave=now.wave,
        soak=now.soak,
        containers=tuple(_container(each, frozen) for each in then.containers),
        tunnels=tuple(_tunnels(then, now, keys, notes)),
    )


def _container(container: Container, frozen: dict[int, Freeze | None]) -> Container:
    return replace(container, freeze=frozen.get(container.id))


def _tunnels(
    then: DesiredState, now: DesiredState, keys: dict[str, str], notes: list[str]
) -> Iterator[TunnelEnd]:
    known = {_end(tunnel): tunnel for tunnel in now.tunnels}
    for tunnel in then.tunnels:
        current = known.get(_end(tunnel))
        kept = tunnel
        if current is not None and current.generation > tunnel.generation:
            kept = replace(tunnel, generation=current.generation, identity=current.identity)
            notes.append(f"{now.host}: tunnel {tunnel.name} keeps generation {current.generation}")
        if kept.peer_key and kept.peer_host in keys:
            kept = replace(kept, peer_key=keys[kept.peer_host])
        yield kept


def _end(tunnel: TunnelEnd) -> tuple[str, str, int, str, str]:
    return tunnel.name, tunnel.role, tunnel.container, tunnel.section, tunnel.peer_host


def difference(before: SignedRelease, after: Sequence[DesiredState]) -> Iterator[str]:
    """What changes for each host, as a unified difference of bundles."""
    known = dict(before.bundles)
    for state in after:
        old = known.get(state.host, b"").decode().splitlines()
        new = bundles.dump(state).decode().splitlines()
        yield from difflib.unified_diff(
            old, new, f"{state.host} now", f"{state.host} then", "", "", 3, ""
        )
