"""What a host says of each end of its tunnels, and since when it is so."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from offctl.desired.model import DesiredState, TunnelEnd
from offctl.observed import ObservedInstance, ObservedTunnel
from offctl.report import TunnelStatus
from offctl.tables import INSTANT

# End of a tunnel to what was last said of it and when that began.
Since = Mapping[str, tuple[str, str]]


def statuses(
    desired: DesiredState, observed: Iterable[ObservedInstance], since: Since, now: str
) -> tuple[TunnelStatus, ...]:
    """One status for each end the text asks for; `now` is when an unchanged one did not begin."""
    ends = {_key(e.container, e.instance, e.name, e.role, e.generation): e for e in desired.tunnels}
    found = []
    for instance in observed:
        for seen in instance.ends:
            key = _key(instance.container, instance.instance, seen.name, seen.role, seen.generation)
            if key in ends:
                found.append(_status(ends[key], instance, seen, now))
    return tuple(_dated(status, since, now) for status in sorted(found, key=name_of))


def name_of(status: TunnelStatus) -> str:
    """Which end of which tunnel in which generation."""
    return f"{status.tunnel}/{status.role}/{status.generation}"


def remembered(statuses: Iterable[TunnelStatus]) -> dict[str, tuple[str, str]]:
    """What the next run has to know to date its own."""
    return {name_of(status): (status.state, status.since) for status in statuses}


def _key(
    container: int, instance: str, name: str, role: str, generation: int
) -> tuple[object, ...]:
    return container, instance, name, role, generation


def _dated(status: TunnelStatus, since: Since, now: str) -> TunnelStatus:
    state, began = since.get(name_of(status), ("", ""))
    return replace(status, since=began if state == status.state and began else now)


def _status(
    end: TunnelEnd, instance: ObservedInstance, seen: ObservedTunnel, now: str
) -> TunnelStatus:
    state, reason = _judge(instance, seen)
    return TunnelStatus(
        tunnel=end.name,
        role=end.role,
        container=end.container,
        instance=end.instance,
        accept=end.accept,
        peer=end.peer_host,
        generation=end.generation,
        state=state,
        since="",
        reason=reason,
        consumers=end.consumers,
        proven_at=_before(now, seen.proof_age) if state == "proven" else "",
    )


def _before(now: str, seconds: int) -> str:
    then = datetime.strptime(now, INSTANT).replace(tzinfo=UTC) - timedelta(seconds=seconds)
    return then.strftime(INSTANT)


def _judge(instance: ObservedInstance, seen: ObservedTunnel) -> tuple[str, str]:
    if instance.unknown:
        return "unknown", instance.unknown
    if reason := instance.refusal or instance.obstacle or seen.trouble:
        return "broken", reason
    if not instance.running:
        return "down", "stunnel does not run"
    if not seen.listening:
        return "down", "stunnel does not listen for it"
    if instance.different or not instance.loaded:
        return "not loaded", "stunnel has not read what it should serve"
    if seen.proof is None:
        return "loaded", seen.aged
    return ("broken", seen.proof) if seen.proof else ("proven", seen.aged)
