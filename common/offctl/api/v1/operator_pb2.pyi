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
