from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class FetchReleaseRequest(_message.Message):
    __slots__ = ["manifest_sha256"]
    MANIFEST_SHA256_FIELD_NUMBER: _ClassVar[int]
    manifest_sha256: bytes
    def __init__(self, manifest_sha256: _Optional[bytes] = ...) -> None: ...

class FetchReleaseResponse(_message.Message):
    __slots__ = ["bundle", "envelope", "timestamp"]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    bundle: bytes
    envelope: bytes
    timestamp: bytes
    def __init__(self, envelope: _Optional[bytes] = ..., bundle: _Optional[bytes] = ..., timestamp: _Optional[bytes] = ...) -> None: ...

class ReportRequest(_message.Message):
    __slots__ = ["report"]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    report: bytes
    def __init__(self, report: _Optional[bytes] = ...) -> None: ...

class ReportResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

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
