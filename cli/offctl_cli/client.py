"""The coordinator as an operator sees it. Protobuf and gRPC's errors stop here."""

from collections.abc import Iterator
import contextlib
import dataclasses
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from google.protobuf.timestamp_pb2 import Timestamp
import grpc

from offctl import certificates, errors, progress
from offctl.api.health.v1 import health_pb2, health_pb2_grpc
from offctl.api.v1 import operator_pb2, operator_pb2_grpc
from offctl.trust.release import SignedRelease
from offctl_cli import diagnosis
from offctl_cli.connection import Connection
from offctl_cli.fleet import (
    Change,
    Concern,
    Event,
    EventPage,
    HistoryEntry,
    HostDetail,
    HostList,
    HostStatus,
    Observed,
    Overview,
    Progress,
    Published,
    PublishedRoot,
    Rollout,
    RolloutHost,
)

SECONDS = 20.0
PUBLISH_SECONDS = 300.0
# For each of several addresses, before the next is tried.
LOOK_SECONDS = 5.0
MAX_MESSAGE = 16 * 1024 * 1024

_OPTIONS = (
    ("grpc.ssl_target_name_override", certificates.SERVER_NAME),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.max_metadata_size", 8 * 1024),
    ("grpc.compression_enabled_algorithms_bitset", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
)


class Client:
    """One connection, for use in a `with`. Every method raises as `_calling` says."""

    def __init__(self, connection: Connection) -> None:
        self._configured = connection
        self._connection, self._channel = _connected(connection)
        self._stub = operator_pb2_grpc.OperatorServiceStub(self._channel)

    def look_again(self) -> None:
        """Where there are several addresses, go on with one that serves now."""
        if self._configured.others:
            self.close()
            self._connection, self._channel = _connected(self._configured)
            self._stub = operator_pb2_grpc.OperatorServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def publish(self, release: SignedRelease) -> Published:
        """Offer a release; raises RefusedError, with the coordinator's code, when it is refused."""
        with self._calling():
            response = self._stub.Publish(_parts(release), timeout=PUBLISH_SECONDS)
        return Published(response.serial, response.hosts, response.already_current)

    def publish_root(self, envelope: bytes) -> PublishedRoot:
        """Offer a trust root; raises RefusedError, with the coordinator's code."""
        request = operator_pb2.PublishTrustRootRequest(envelope=envelope)
        with self._calling():
            response = self._stub.PublishTrustRoot(request, timeout=SECONDS)
        return PublishedRoot(response.version, response.already_in_force)

    def list_hosts(self) -> HostList:
        """Every host there is."""
        with self._calling():
            response = self._stub.ListHosts(operator_pb2.ListHostsRequest(), timeout=SECONDS)
        return HostList(
            site=response.site,
            serial=response.serial,
            manifest_sha256=response.manifest_sha256.hex(),
            expires=_time(response.expires) if response.HasField("expires") else None,
            hosts=tuple(_host(status) for status in response.hosts),
        )

    def get_host(self, name: str) -> HostDetail:
        """One host with its newest report; raises NotFoundError."""
        with self._calling():
            response = self._stub.GetHost(operator_pb2.GetHostRequest(host=name), timeout=SECONDS)
        return HostDetail(_host(response.status), response.report)

    def get_observation(self, name: str) -> Observed:
        """What a host observed last, as it packed it; raises NotFoundError."""
        request = operator_pb2.GetObservationRequest(host=name)
        with self._calling():
            response = self._stub.GetObservation(request, timeout=SECONDS)
        return Observed(response.observation, _time(response.observed))

    def history(self, limit: int = 0) -> tuple[HistoryEntry, ...]:
        """Published releases, newest first; a limit of 0 leaves it to the coordinator (50)."""
        with self._calling():
            response = self._stub.History(operator_pb2.HistoryRequest(limit=limit), timeout=SECONDS)
        return tuple(
            HistoryEntry(
                serial=entry.serial,
                manifest_sha256=entry.manifest_sha256.hex(),
                published=_time(entry.published),
                operator=entry.operator,
                hosts=entry.hosts,
            )
            for entry in response.entries
        )

    def get_release(self, serial: int) -> SignedRelease:
        """A release as it was published, its signatures not checked; raises NotFoundError."""
        envelope, bundles = b"", []
        with self._calling():
            request = operator_pb2.GetReleaseRequest(serial=serial)
            for part in self._stub.GetRelease(request, timeout=PUBLISH_SECONDS):
                if part.WhichOneof("part") == "envelope":
                    envelope = part.envelope
                else:
                    bundles.append((part.bundle.host, part.bundle.content))
        return SignedRelease(envelope, tuple(bundles))

    def get_rollout(self) -> Rollout:
        """How far the newest release has come."""
        with self._calling():
            response = self._stub.GetRollout(operator_pb2.GetRolloutRequest(), timeout=SECONDS)
        return Rollout(
            *(response.serial, response.wave, response.paused, response.halted),
            hosts=tuple(
                RolloutHost(
                    *(each.host, each.wave, each.soak_seconds, each.right_seconds),
                    *(each.offered, each.state, each.reason),
                )
                for each in response.hosts
            ),
        )

    def steer_rollout(self, order: str, seen: Rollout, reason: str) -> None:
        """Give the order "pause", "resume" or "promote" about the rollout as it was seen."""
        request = operator_pb2.SteerRolloutRequest(
            order=f"ORDER_{order.upper()}", serial=seen.serial, wave=seen.wave, reason=reason
        )
        with self._calling():
            self._stub.SteerRollout(request, timeout=SECONDS)

    def get_overview(self, *, limit: int = 0, every_host: bool = False) -> Overview:
        """The site as a whole; a limit of 0 leaves it to the coordinator (100 of each)."""
        request = operator_pb2.GetOverviewRequest(every_host=every_host, limit=limit)
        with self._calling():
            response = self._stub.GetOverview(request, timeout=SECONDS)
        return _overview(response)

    def list_events(self, host: str = "", *, after: int = 0, limit: int = 0) -> EventPage:
        """The newest events, or those after number `after`; of one host, or of all."""
        request = operator_pb2.ListEventsRequest(host=host, after=after, limit=limit)
        with self._calling():
            response = self._stub.ListEvents(request, timeout=SECONDS)
        return EventPage(tuple(_event(each) for each in response.events), response.newest)

    @contextlib.contextmanager
    def _calling(self) -> Iterator[None]:
        """Turn gRPC's error into ours.

        UnreachableError: nobody there, not the pinned coordinator, no answer in time. AdminError:
        our certificate is not accepted, or not for this. RefusedError and NotFoundError: as the
        coordinator says. InternalError: it made a mistake.
        """
        try:
            with progress.shown(f"waiting for the coordinator at {self._connection.address}"):
                yield
        except grpc.RpcError as error:
            raise self._translated(error) from error

    def _translated(self, error: grpc.RpcError) -> errors.OffctlError:
        said = str(error.details() or "")
        code, _, text = said.partition(": ")
        match error.code():
            case grpc.StatusCode.UNAVAILABLE:
                return diagnosis.explain(self._connection, said)
            case grpc.StatusCode.DEADLINE_EXCEEDED:
                return errors.UnreachableError(
                    f"cannot reach the coordinator: no answer from {self._connection.address}"
                )
            case grpc.StatusCode.CANCELLED:
                # Not by us: it stopped within the call.
                return errors.UnreachableError(
                    f"cannot reach the coordinator: {self._connection.address} hung up"
                )
            case grpc.StatusCode.FAILED_PRECONDITION:
                return errors.RefusedError(text or said, code=code if text else "")
            case grpc.StatusCode.NOT_FOUND:
                return errors.NotFoundError(text or said)
            case grpc.StatusCode.UNAUTHENTICATED | grpc.StatusCode.PERMISSION_DENIED:
                return errors.AdminError(
                    f"cannot ask the coordinator: {text or said}",
                    hint="use the certificate of an operator of the trust root",
                    code="NOT_ACCEPTED",
                )
            case grpc.StatusCode.INVALID_ARGUMENT | grpc.StatusCode.RESOURCE_EXHAUSTED:
                return errors.MalformedError(text or said, code=code if text else "")
            case grpc.StatusCode.UNIMPLEMENTED:
                return errors.AdminError(
                    "cannot ask the coordinator: its offctl is older than this one",
                    hint="upgrade offctl-coordinator first",
                    code="OLDER",
                )
            case _:
                return errors.InternalError(f"cannot ask the coordinator: {said}")


def _connected(connection: Connection) -> tuple[Connection, grpc.Channel]:
    """One that serves, for all calls; where nobody does, the last one's error is told."""
    found, channel = connection, _channel(connection)
    for address in connection.others:
        if _serves(channel):
            break
        channel.close()
        found = dataclasses.replace(connection, address=address)
        channel = _channel(found)
    return found, channel


def _channel(connection: Connection) -> grpc.Channel:
    credentials = grpc.ssl_channel_credentials(
        root_certificates=connection.coordinators,
        private_key=connection.key,
        certificate_chain=connection.certificate,
    )
    return grpc.secure_channel(connection.address, credentials, options=_OPTIONS)


def _serves(channel: grpc.Channel) -> bool:
    """Whether a coordinator answers there, and can reach its database."""
    request = health_pb2.HealthCheckRequest()
    try:
        found = health_pb2_grpc.HealthStub(channel).Check(request, timeout=LOOK_SECONDS)
    except grpc.RpcError:
        return False
    return bool(found.status == health_pb2.HealthCheckResponse.SERVING)


def _parts(release: SignedRelease) -> Iterator[operator_pb2.PublishRequest]:
    yield operator_pb2.PublishRequest(envelope=release.envelope)
    for host, content in release.bundles:
        yield operator_pb2.PublishRequest(bundle=operator_pb2.Bundle(host=host, content=content))


def _host(status: operator_pb2.HostStatus) -> HostStatus:
    return HostStatus(
        host=status.host,
        state=status.state,
        code=status.code,
        reason=status.reason,
        mode=status.mode,
        serial=status.serial,
        reported=_time(status.reported) if status.HasField("reported") else None,
        contacted=_time(status.contacted) if status.HasField("contacted") else None,
        freshness=status.freshness,
        resources=status.resources,
        drift=status.drift,
        pending_restarts=status.pending_restarts,
        failed=status.failed,
        blocked=status.blocked,
        unknown=status.unknown,
        orphans=status.orphans,
        unmanaged=status.unmanaged,
        held=status.held,
    )


def _overview(response: operator_pb2.GetOverviewResponse) -> Overview:
    rollout = response.rollout
    return Overview(
        site=response.site,
        serial=response.serial,
        manifest_sha256=response.manifest_sha256.hex(),
        expires=_time(response.expires) if response.HasField("expires") else None,
        published=_time(response.published) if response.HasField("published") else None,
        operator=response.operator,
        states=tuple((each.state, each.hosts) for each in response.states),
        hosts=tuple(_host(status) for status in response.hosts),
        hosts_left_out=response.hosts_left_out,
        concerns=tuple(
            Concern(c.grade, c.kind, c.host, c.subject, c.reason, c.since, c.until)
            for c in response.concerns
        ),
        concerns_left_out=response.concerns_left_out,
        rollout=Progress(
            *(rollout.wave, tuple(rollout.waves), rollout.paused, rollout.halted),
            *(rollout.waiting, tuple(rollout.awaited), rollout.awaited_hosts),
        )
        if response.HasField("rollout")
        else None,
    )


def _event(event: operator_pb2.Event) -> Event:
    return Event(
        *(event.number, _time(event.received), event.time, event.kind, event.host, event.who),
        *(event.serial, event.resource, event.action, event.origin, event.outcome),
        *(event.detail, event.milliseconds),
        changes=tuple(Change(each.field, each.before, each.after) for each in event.changes),
    )


def _time(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(tzinfo=UTC)
