"""What the coordinator answers, as values."""

from dataclasses import dataclass

from offctl.trust.rotation import Step


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a host gets: an empty envelope and bundle when it holds the current release already."""

    envelope: bytes
    bundle: bytes
    timestamp: bytes
    roots: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishedRoot:
    """What became of a trust root that was accepted."""

    version: int
    already_in_force: bool


@dataclass(frozen=True, slots=True)
class Published:
    """What became of an offer that was accepted."""

    serial: int
    hosts: int
    already_current: bool
