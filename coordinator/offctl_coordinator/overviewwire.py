"""The overview and the events as protobuf."""

from offctl.api.v1 import operator_pb2
from offctl.concerns import Concern
from offctl_coordinator import wire
from offctl_coordinator.chronicle import Page
from offctl_coordinator.happenings import Happening
from offctl_coordinator.overview import MAX_AWAITED, Overview, Progress
from offctl_coordinator.store.records import EventRecord, HistoryRecord

DEFAULT_LIMIT = 100
# What is not right must fit into a message whatever hosts wrote.
MAX_LIMIT = 1000
MAX_SUBJECT = 200


def limit(asked: int) -> int:
    """How many of each are told."""
    return min(asked or DEFAULT_LIMIT, MAX_LIMIT)


def overview(
    value: Overview, site: str, published: HistoryRecord | None
) -> operator_pb2.GetOverviewResponse:
    """`published` is the newest release, as it was published."""
    response = operator_pb2.GetOverviewResponse(
        site=site,
        states=[
            operator_pb2.StateCount(state=state.value, hosts=count) for state, count in value.states
        ],
        hosts=[wire.host(view) for view in value.hosts],
        hosts_left_out=value.hosts_left_out,
        concerns=[_concern(each) for each in value.concerns],
        concerns_left_out=value.concerns_left_out,
    )
    if (current := value.roster.publication) is not None:
        response.serial = current.serial
        response.manifest_sha256 = bytes.fromhex(current.sha256)
        response.expires.FromDatetime(current.accepted.manifest.expires)
        if published is not None and published.serial == current.serial:
            response.published.FromDatetime(published.published)
            response.operator = published.operator
    if value.progress is not None:
        response.rollout.CopyFrom(_progress(value.progress))
    return response


def _progress(value: Progress) -> operator_pb2.RolloutSummary:
    return operator_pb2.RolloutSummary(
        wave=value.rollout.wave,
        waves=value.waves,
        paused=value.rollout.paused,
        halted=value.rollout.halted,
        waiting=value.waiting,
        awaited=value.awaited[:MAX_AWAITED],
        awaited_hosts=len(value.awaited),
    )


def _concern(value: Concern) -> operator_pb2.Concern:
    return operator_pb2.Concern(
        grade=value.grade.value,
        kind=value.kind,
        host=value.host,
        subject=wire.cut(value.subject, MAX_SUBJECT),
        reason=wire.cut(value.reason, wire.MAX_REASON),
        since=wire.cut(value.since, MAX_SUBJECT),
        until=wire.cut(value.until, MAX_SUBJECT),
    )


def events(value: Page) -> operator_pb2.ListEventsResponse:
    return operator_pb2.ListEventsResponse(
        events=[_event(record, happening) for record, happening in value.events],
        newest=value.newest,
    )


def _event(record: EventRecord, value: Happening) -> operator_pb2.Event:
    response = operator_pb2.Event(
        number=record.number,
        time=value.time,
        kind=value.kind,
        host=record.host,
        who=value.who,
        serial=value.serial,
        resource=value.resource,
        action=value.action,
        origin=value.origin,
        outcome=value.outcome,
        detail=value.detail,
        milliseconds=wire.count(value.milliseconds),
        changes=[
            operator_pb2.Change(field=field, before=before, after=after)
            for field, before, after in value.changes
        ],
    )
    response.received.FromDatetime(record.received)
    return response
