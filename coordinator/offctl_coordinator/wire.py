"""Between protobuf and our own values; nothing below the services knows protobuf."""

from collections.abc import Iterator
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from offctl import errors
from offctl.api.v1 import agent_pb2, operator_pb2
from offctl.trust.manifest import SHA256
from offctl.trust.release import SignedRelease
from offctl_coordinator.answers import Fetched, Published, PublishedRoot
from offctl_coordinator.desk import HostDetail
from offctl_coordinator.news import Announcement
from offctl_coordinator.roster import HostView, Roster
from offctl_coordinator.store.records import HistoryRecord, ObservationRecord
from offctl_coordinator.turns import Order, Steering

DEFAULT_HISTORY = 50
# What a host wrote into its report must not make the list of all hosts too large to send.
MAX_REASON = 500
MAX_CODE = 64


def held_sha256(request: agent_pb2.FetchReleaseRequest) -> str:
    """The manifest's hash that the caller holds, in hexadecimal; empty for none."""
    text = request.manifest_sha256.hex()
    if text and not SHA256.fullmatch(text):
        raise errors.MalformedError(
            f"cannot fetch: manifest_sha256 has {len(request.manifest_sha256)} bytes, not 32"
        )
    return text


def fetched(value: Fetched) -> agent_pb2.FetchReleaseResponse:
    return agent_pb2.FetchReleaseResponse(
        envelope=value.envelope,
        bundle=value.bundle,
        timestamp=value.timestamp,
        trust_roots=[
            agent_pb2.TrustRoot(version=step.version, envelope=step.envelope)
            for step in value.roots
        ],
    )


def announcement(value: Announcement) -> agent_pb2.WatchResponse:
    return agent_pb2.WatchResponse(manifest_sha256=bytes.fromhex(value.sha256), serial=value.serial)


def published(value: Published) -> operator_pb2.PublishResponse:
    return operator_pb2.PublishResponse(
        serial=value.serial, hosts=value.hosts, already_current=value.already_current
    )


def published_root(value: PublishedRoot) -> operator_pb2.PublishTrustRootResponse:
    return operator_pb2.PublishTrustRootResponse(
        version=value.version, already_in_force=value.already_in_force
    )


def roster(value: Roster, now: datetime) -> operator_pb2.ListHostsResponse:
    response = operator_pb2.ListHostsResponse(
        hosts=[host(value.view(name, now)) for name in value.names()]
    )
    if value.publication is not None:
        manifest = value.publication.accepted.manifest
        response.serial = manifest.serial
        response.manifest_sha256 = bytes.fromhex(value.publication.sha256)
        response.expires.FromDatetime(manifest.expires)
    return response


def host_detail(value: HostDetail) -> operator_pb2.GetHostResponse:
    return operator_pb2.GetHostResponse(status=host(value.view), report=value.report)


def observation(value: ObservationRecord) -> operator_pb2.GetObservationResponse:
    return operator_pb2.GetObservationResponse(
        observation=value.content, observed=_time(value.observed)
    )


def host(value: HostView) -> operator_pb2.HostStatus:
    counts = value.counts
    return operator_pb2.HostStatus(
        host=value.host,
        state=value.verdict.state.value,
        code=cut(value.verdict.code, MAX_CODE),
        reason=cut(value.verdict.reason, MAX_REASON),
        mode=value.mode,
        serial=value.serial,
        reported=_time(value.reported),
        contacted=_time(value.contacted),
        freshness=value.freshness,
        resources=count(counts.resources),
        drift=count(counts.drift),
        pending_restarts=count(counts.pending),
        failed=count(counts.failed),
        blocked=count(counts.blocked),
        unknown=count(counts.unknown),
        orphans=count(counts.orphan),
        unmanaged=count(counts.unmanaged),
        held=count(counts.held),
    )


def release_parts(release: SignedRelease) -> Iterator[operator_pb2.GetReleaseResponse]:
    yield operator_pb2.GetReleaseResponse(envelope=release.envelope)
    for name, content in release.bundles:
        part = operator_pb2.Bundle(host=name, content=content)
        yield operator_pb2.GetReleaseResponse(bundle=part)


def rollout(value: Roster, now: datetime) -> operator_pb2.GetRolloutResponse:
    if value.publication is None or value.turns is None:
        return operator_pb2.GetRolloutResponse()
    known, spells = value.turns.rollout, value.turns.spells
    response = operator_pb2.GetRolloutResponse(
        serial=known.serial, wave=known.wave, paused=known.paused, halted=known.halted
    )
    entries = value.publication.accepted.manifest.hosts
    for entry in sorted(entries, key=lambda each: (each.wave, each.host)):
        verdict = value.view(entry.host, now).verdict
        spell = spells.get(entry.host)
        response.hosts.add(
            host=entry.host,
            wave=entry.wave,
            soak_seconds=entry.soak,
            right_seconds=count(int((spell.last - spell.since).total_seconds())) if spell else 0,
            offered=known.offers.get(entry.host, 0),
            state=verdict.state.value,
            reason=cut(verdict.reason, MAX_REASON),
        )
    return response


def steering(request: operator_pb2.SteerRolloutRequest, operator: str) -> Steering:
    """Raises MalformedError."""
    orders = operator_pb2.SteerRolloutRequest
    known = {
        orders.ORDER_PAUSE: Order.PAUSE,
        orders.ORDER_RESUME: Order.RESUME,
        orders.ORDER_PROMOTE: Order.PROMOTE,
    }
    order = known.get(request.order)
    if order is None:
        raise errors.MalformedError("cannot steer the rollout: no known order is given")
    reason = request.reason
    if not reason.isprintable() or len(reason) > MAX_REASON:
        raise errors.MalformedError(
            f"cannot steer the rollout: the reason has more than {MAX_REASON} characters, or "
            "some that cannot be shown"
        )
    if order is Order.PAUSE and not reason:
        raise errors.MalformedError("cannot pause the rollout: no reason is given")
    return Steering(order, request.serial, request.wave, operator, reason)


def history(entries: tuple[HistoryRecord, ...]) -> operator_pb2.HistoryResponse:
    return operator_pb2.HistoryResponse(entries=[_entry(entry) for entry in entries])


def _entry(entry: HistoryRecord) -> operator_pb2.HistoryEntry:
    return operator_pb2.HistoryEntry(
        serial=entry.serial,
        manifest_sha256=bytes.fromhex(entry.sha256),
        published=_time(entry.published),
        operator=entry.operator,
        hosts=entry.hosts,
    )


def _time(value: datetime | None) -> Timestamp | None:
    if value is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(value)
    return timestamp


def count(value: int) -> int:
    """What fits into the protocol."""
    # A report may claim more than an uint32 holds.
    return min(value, 2**32 - 1)


def cut(text: str, limit: int) -> str:
    """Text that protobuf can carry, in few characters."""
    # JSON can spell half of a surrogate pair, which protobuf cannot carry.
    sound = text.encode("utf-8", "replace").decode("utf-8")
    return sound if len(sound) <= limit else sound[: limit - 1] + "…"
