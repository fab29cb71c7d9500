from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Bundle(_message.Message):
    __slots__ = ["content", "host"]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    host: str
    def __init__(self, host: _Optional[str] = ..., content: _Optional[bytes] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ["after", "before", "field"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    after: str
    before: str
    field: str
    def __init__(self, field: _Optional[str] = ..., before: _Optional[str] = ..., after: _Optional[str] = ...) -> None: ...

class Concern(_message.Message):
    __slots__ = ["grade", "host", "kind", "reason", "since", "subject", "until"]
    GRADE_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    grade: str
    host: str
    kind: str
    reason: str
    since: str
    subject: str
    until: str
    def __init__(self, grade: _Optional[str] = ..., kind: _Optional[str] = ..., host: _Optional[str] = ..., subject: _Optional[str] = ..., reason: _Optional[str] = ..., since: _Optional[str] = ..., until: _Optional[str] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ["action", "changes", "detail", "host", "kind", "milliseconds", "number", "origin", "outcome", "received", "resource", "serial", "time", "who"]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    action: str
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    detail: str
    host: str
    kind: str
    milliseconds: int
    number: int
    origin: str
    outcome: str
    received: _timestamp_pb2.Timestamp
    resource: str
    serial: int
    time: str
    who: str
    def __init__(self, number: _Optional[int] = ..., received: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., time: _Optional[str] = ..., kind: _Optional[str] = ..., host: _Optional[str] = ..., who: _Optional[str] = ..., serial: _Optional[int] = ..., resource: _Optional[str] = ..., action: _Optional[str] = ..., origin: _Optional[str] = ..., outcome: _Optional[str] = ..., detail: _Optional[str] = ..., milliseconds: _Optional[int] = ..., changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ...) -> None: ...

class GetHostRequest(_message.Message):
    __slots__ = ["host"]
    HOST_FIELD_NUMBER: _ClassVar[int]
    host: str
    def __init__(self, host: _Optional[str] = ...) -> None: ...

class GetHostResponse(_message.Message):
    __slots__ = ["report", "status"]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    report: bytes
    status: HostStatus
    def __init__(self, status: _Optional[_Union[HostStatus, _Mapping]] = ..., report: _Optional[bytes] = ...) -> None: ...

class GetObservationRequest(_message.Message):
    __slots__ = ["host"]
    HOST_FIELD_NUMBER: _ClassVar[int]
    host: str
    def __init__(self, host: _Optional[str] = ...) -> None: ...

class GetObservationResponse(_message.Message):
    __slots__ = ["observation", "observed"]
    OBSERVATION_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_FIELD_NUMBER: _ClassVar[int]
    observation: bytes
    observed: _timestamp_pb2.Timestamp
    def __init__(self, observation: _Optional[bytes] = ..., observed: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetOverviewRequest(_message.Message):
    __slots__ = ["every_host", "limit"]
    EVERY_HOST_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    every_host: bool
    limit: int
    def __init__(self, every_host: bool = ..., limit: _Optional[int] = ...) -> None: ...

class GetOverviewResponse(_message.Message):
    __slots__ = ["concerns", "concerns_left_out", "expires", "hosts", "hosts_left_out", "manifest_sha256", "operator", "published", "rollout", "serial", "site", "states"]
    CONCERNS_FIELD_NUMBER: _ClassVar[int]
    CONCERNS_LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    HOSTS_LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_SHA256_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    concerns: _containers.RepeatedCompositeFieldContainer[Concern]
    concerns_left_out: int
    expires: _timestamp_pb2.Timestamp
    hosts: _containers.RepeatedCompositeFieldContainer[HostStatus]
    hosts_left_out: int
    manifest_sha256: bytes
    operator: str
    published: _timestamp_pb2.Timestamp
    rollout: RolloutSummary
    serial: int
    site: str
    states: _containers.RepeatedCompositeFieldContainer[StateCount]
    def __init__(self, serial: _Optional[int] = ..., manifest_sha256: _Optional[bytes] = ..., site: _Optional[str] = ..., expires: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., published: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., operator: _Optional[str] = ..., states: _Optional[_Iterable[_Union[StateCount, _Mapping]]] = ..., hosts: _Optional[_Iterable[_Union[HostStatus, _Mapping]]] = ..., hosts_left_out: _Optional[int] = ..., concerns: _Optional[_Iterable[_Union[Concern, _Mapping]]] = ..., concerns_left_out: _Optional[int] = ..., rollout: _Optional[_Union[RolloutSummary, _Mapping]] = ...) -> None: ...

class GetReleaseRequest(_message.Message):
    __slots__ = ["serial"]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    serial: int
    def __init__(self, serial: _Optional[int] = ...) -> None: ...

class GetReleaseResponse(_message.Message):
    __slots__ = ["bundle", "envelope"]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    bundle: Bundle
    envelope: bytes
    def __init__(self, envelope: _Optional[bytes] = ..., bundle: _Optional[_Union[Bundle, _Mapping]] = ...) -> None: ...

class GetRolloutRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class GetRolloutResponse(_message.Message):
    __slots__ = ["halted", "hosts", "paused", "serial", "wave"]
    HALTED_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    WAVE_FIELD_NUMBER: _ClassVar[int]
    halted: str
    hosts: _containers.RepeatedCompositeFieldContainer[RolloutHost]
    paused: str
    serial: int
    wave: int
    def __init__(self, serial: _Optional[int] = ..., wave: _Optional[int] = ..., paused: _Optional[str] = ..., halted: _Optional[str] = ..., hosts: _Optional[_Iterable[_Union[RolloutHost, _Mapping]]] = ...) -> None: ...

class HistoryEntry(_message.Message):
    __slots__ = ["hosts", "manifest_sha256", "operator", "published", "serial"]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_SHA256_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    hosts: int
    manifest_sha256: bytes
    operator: str
    published: _timestamp_pb2.Timestamp
    serial: int
    def __init__(self, serial: _Optional[int] = ..., manifest_sha256: _Optional[bytes] = ..., published: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., operator: _Optional[str] = ..., hosts: _Optional[int] = ...) -> None: ...

class HistoryRequest(_message.Message):
    __slots__ = ["limit"]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    limit: int
    def __init__(self, limit: _Optional[int] = ...) -> None: ...

class HistoryResponse(_message.Message):
    __slots__ = ["entries"]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[HistoryEntry]
    def __init__(self, entries: _Optional[_Iterable[_Union[HistoryEntry, _Mapping]]] = ...) -> None: ...

class HostStatus(_message.Message):
    __slots__ = ["blocked", "code", "contacted", "drift", "failed", "freshness", "held", "host", "mode", "orphans", "pending_restarts", "reason", "reported", "resources", "serial", "state", "unknown", "unmanaged"]
    BLOCKED_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    CONTACTED_FIELD_NUMBER: _ClassVar[int]
    DRIFT_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    FRESHNESS_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    ORPHANS_FIELD_NUMBER: _ClassVar[int]
    PENDING_RESTARTS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REPORTED_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    UNMANAGED_FIELD_NUMBER: _ClassVar[int]
    blocked: int
    code: str
    contacted: _timestamp_pb2.Timestamp
    drift: int
    failed: int
    freshness: str
    held: int
    host: str
    mode: str
    orphans: int
    pending_restarts: int
    reason: str
    reported: _timestamp_pb2.Timestamp
    resources: int
    serial: int
    state: str
    unknown: int
    unmanaged: int
    def __init__(self, host: _Optional[str] = ..., state: _Optional[str] = ..., code: _Optional[str] = ..., reason: _Optional[str] = ..., mode: _Optional[str] = ..., serial: _Optional[int] = ..., reported: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., contacted: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., freshness: _Optional[str] = ..., resources: _Optional[int] = ..., drift: _Optional[int] = ..., pending_restarts: _Optional[int] = ..., failed: _Optional[int] = ..., blocked: _Optional[int] = ..., unknown: _Optional[int] = ..., orphans: _Optional[int] = ..., unmanaged: _Optional[int] = ..., held: _Optional[int] = ...) -> None: ...

class ListEventsRequest(_message.Message):
    __slots__ = ["after", "host", "limit"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    after: int
    host: str
    limit: int
    def __init__(self, host: _Optional[str] = ..., after: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListEventsResponse(_message.Message):
    __slots__ = ["events", "newest"]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEWEST_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    newest: int
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., newest: _Optional[int] = ...) -> None: ...

class ListHostsRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ListHostsResponse(_message.Message):
    __slots__ = ["expires", "hosts", "manifest_sha256", "serial", "site"]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_SHA256_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    expires: _timestamp_pb2.Timestamp
    hosts: _containers.RepeatedCompositeFieldContainer[HostStatus]
    manifest_sha256: bytes
    serial: int
    site: str
    def __init__(self, serial: _Optional[int] = ..., manifest_sha256: _Optional[bytes] = ..., site: _Optional[str] = ..., expires: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., hosts: _Optional[_Iterable[_Union[HostStatus, _Mapping]]] = ...) -> None: ...

class PublishRequest(_message.Message):
    __slots__ = ["bundle", "envelope"]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    bundle: Bundle
    envelope: bytes
    def __init__(self, envelope: _Optional[bytes] = ..., bundle: _Optional[_Union[Bundle, _Mapping]] = ...) -> None: ...

class PublishResponse(_message.Message):
    __slots__ = ["already_current", "hosts", "serial"]
    ALREADY_CURRENT_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    already_current: bool
    hosts: int
    serial: int
    def __init__(self, serial: _Optional[int] = ..., hosts: _Optional[int] = ..., already_current: bool = ...) -> None: ...

class PublishTrustRootRequest(_message.Message):
    __slots__ = ["envelope"]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    envelope: bytes
    def __init__(self, envelope: _Optional[bytes] = ...) -> None: ...

class PublishTrustRootResponse(_message.Message):
    __slots__ = ["already_in_force", "version"]
    ALREADY_IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    already_in_force: bool
    version: int
    def __init__(self, version: _Optional[int] = ..., already_in_force: bool = ...) -> None: ...

class RolloutHost(_message.Message):
    __slots__ = ["host", "offered", "reason", "right_seconds", "soak_seconds", "state", "wave"]
    HOST_FIELD_NUMBER: _ClassVar[int]
    OFFERED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RIGHT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SOAK_SECONDS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    WAVE_FIELD_NUMBER: _ClassVar[int]
    host: str
    offered: int
    reason: str
    right_seconds: int
    soak_seconds: int
    state: str
    wave: int
    def __init__(self, host: _Optional[str] = ..., wave: _Optional[int] = ..., soak_seconds: _Optional[int] = ..., right_seconds: _Optional[int] = ..., offered: _Optional[int] = ..., state: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RolloutSummary(_message.Message):
    __slots__ = ["awaited", "awaited_hosts", "halted", "paused", "waiting", "wave", "waves"]
    AWAITED_FIELD_NUMBER: _ClassVar[int]
    AWAITED_HOSTS_FIELD_NUMBER: _ClassVar[int]
    HALTED_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    WAVES_FIELD_NUMBER: _ClassVar[int]
    WAVE_FIELD_NUMBER: _ClassVar[int]
    awaited: _containers.RepeatedScalarFieldContainer[str]
    awaited_hosts: int
    halted: str
    paused: str
    waiting: int
    wave: int
    waves: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, wave: _Optional[int] = ..., waves: _Optional[_Iterable[int]] = ..., paused: _Optional[str] = ..., halted: _Optional[str] = ..., waiting: _Optional[int] = ..., awaited: _Optional[_Iterable[str]] = ..., awaited_hosts: _Optional[int] = ...) -> None: ...

class StateCount(_message.Message):
    __slots__ = ["hosts", "state"]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    hosts: int
    state: str
    def __init__(self, state: _Optional[str] = ..., hosts: _Optional[int] = ...) -> None: ...

class SteerRolloutRequest(_message.Message):
    __slots__ = ["order", "reason", "serial", "wave"]
    class Order(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    ORDER_FIELD_NUMBER: _ClassVar[int]
    ORDER_PAUSE: SteerRolloutRequest.Order
    ORDER_PROMOTE: SteerRolloutRequest.Order
    ORDER_RESUME: SteerRolloutRequest.Order
    ORDER_UNSPECIFIED: SteerRolloutRequest.Order
    REASON_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    WAVE_FIELD_NUMBER: _ClassVar[int]
    order: SteerRolloutRequest.Order
    reason: str
    serial: int
    wave: int
    def __init__(self, order: _Optional[_Union[SteerRolloutRequest.Order, str]] = ..., serial: _Optional[int] = ..., wave: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class SteerRolloutResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...
