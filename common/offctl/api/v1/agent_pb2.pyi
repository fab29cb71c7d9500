from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FetchReleaseRequest(_message.Message):
    __slots__ = ["manifest_sha256", "trust_version"]
    MANIFEST_SHA256_FIELD_NUMBER: _ClassVar[int]
    TRUST_VERSION_FIELD_NUMBER: _ClassVar[int]
    manifest_sha256: bytes
    trust_version: int
    def __init__(self, manifest_sha256: _Optional[bytes] = ..., trust_version: _Optional[int] = ...) -> None: ...

class FetchReleaseResponse(_message.Message):
    __slots__ = ["bundle", "envelope", "timestamp", "trust_roots"]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    TRUST_ROOTS_FIELD_NUMBER: _ClassVar[int]
    bundle: bytes
    envelope: bytes
    timestamp: bytes
    trust_roots: _containers.RepeatedCompositeFieldContainer[TrustRoot]
    def __init__(self, envelope: _Optional[bytes] = ..., bundle: _Optional[bytes] = ..., timestamp: _Optional[bytes] = ..., trust_roots: _Optional[_Iterable[_Union[TrustRoot, _Mapping]]] = ...) -> None: ...

class ReportRequest(_message.Message):
    __slots__ = ["observation", "report"]
    OBSERVATION_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    observation: bytes
    report: bytes
    def __init__(self, report: _Optional[bytes] = ..., observation: _Optional[bytes] = ...) -> None: ...

class ReportResponse(_message.Message):
    __slots__ = ["observation_wanted"]
    OBSERVATION_WANTED_FIELD_NUMBER: _ClassVar[int]
    observation_wanted: bool
    def __init__(self, observation_wanted: bool = ...) -> None: ...

class TrustRoot(_message.Message):
    __slots__ = ["envelope", "version"]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    envelope: bytes
    version: int
    def __init__(self, version: _Optional[int] = ..., envelope: _Optional[bytes] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ["manifest_sha256", "serial"]
    MANIFEST_SHA256_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    manifest_sha256: bytes
    serial: int
    def __init__(self, manifest_sha256: _Optional[bytes] = ..., serial: _Optional[int] = ...) -> None: ...
