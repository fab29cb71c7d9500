"""Who may call what: the one table of methods, and the certificates that speak for somebody.

Pure: the trust root and the newest release come in. It does not know gRPC.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
import enum

from cryptography import x509

from offctl import certificates, errors
from offctl.trust.refusal import Refusal, refused
from offctl.trust.root import TrustRoot
from offctl_coordinator.publication import Publication


class Role(enum.Enum):
    """What a pinned certificate is pinned as."""

    HOST = "host"
    OPERATOR = "operator"


_ANYONE = frozenset(Role)
_HOSTS = frozenset({Role.HOST})
_OPERATORS = frozenset({Role.OPERATOR})

# Every method there is. One that is missing here is refused to everybody, so a new one cannot be
# reachable by being forgotten (CVE-2020-11651).
METHODS: Mapping[str, frozenset[Role]] = {
    "/offctl.api.v1.AgentService/FetchRelease": _HOSTS,
    "/offctl.api.v1.AgentService/Watch": _HOSTS,
    "/offctl.api.v1.AgentService/Report": _HOSTS,
    "/offctl.api.v1.OperatorService/Publish": _OPERATORS,
    "/offctl.api.v1.OperatorService/PublishTrustRoot": _OPERATORS,
    "/offctl.api.v1.OperatorService/ListHosts": _OPERATORS,
    "/offctl.api.v1.OperatorService/GetHost": _OPERATORS,
    "/offctl.api.v1.OperatorService/GetObservation": _OPERATORS,
    "/offctl.api.v1.OperatorService/History": _OPERATORS,
    "/offctl.api.v1.OperatorService/GetRelease": _OPERATORS,
    "/offctl.api.v1.OperatorService/GetRollout": _OPERATORS,
    "/offctl.api.v1.OperatorService/SteerRollout": _OPERATORS,
    "/offctl.api.v1.OperatorService/GetOverview": _OPERATORS,
    "/offctl.api.v1.OperatorService/ListEvents": _OPERATORS,
    "/grpc.health.v1.Health/Check": _ANYONE,
    "/grpc.health.v1.Health/Watch": _ANYONE,
}


class UnknownCallerError(errors.OffctlError):
    """The certificate is not pinned, or not any more."""

    code = "UNAUTHENTICATED"


class ForbiddenError(errors.OffctlError):
    """The certificate is pinned, but not for this."""

    code = "PERMISSION_DENIED"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever a certificate speaks for; `name` is the host's or the operator's."""

    role: Role
    name: str


@dataclass(frozen=True, slots=True)
class AllowList:
    """The callers, and their certificates as PEM, by the certificate's fingerprint."""

    callers: Mapping[str, Caller] = field(default_factory=dict)
    pems: Mapping[str, str] = field(default_factory=dict)

    def certificates(self, without: Container[str] = ()) -> bytes:
        """All certificates but those of `without`; all of them when none would be left."""
        left = [pem for fingerprint, pem in self.pems.items() if fingerprint not in without]
        return "".join(left or self.pems.values()).encode()

    def identify(self, fingerprint: str, method: str) -> Caller:
        """The caller; raises UnknownCallerError, or ForbiddenError when `method` is not for it."""
        caller = self.callers.get(fingerprint)
        if caller is None:
            raise UnknownCallerError("this certificate is not pinned here")
        if caller.role not in METHODS.get(method, frozenset()):
            raise ForbiddenError(f"{caller.role.value} {caller.name} may not call this method")
        return caller


def allow(root: TrustRoot, publication: Publication | None) -> AllowList:
    """The callers of a trust root and of the newest release (None before the first).

    Raises RefusedError when two of them have one certificate, or one subject.
    """
    callers: dict[str, Caller] = {}
    # TLS looks a certificate up by its subject alone, so one with the subject of another would
    # shut that one out. The coordinators' own are never a caller's.
    taken = {_subject(pem): f"coordinator {name}" for name, pem in root.coordinators}
    pems: dict[str, str] = {}
    for caller, pem in _pinned(root, publication):
        who = f"{caller.role.value} {caller.name}"
        other = taken.setdefault(_subject(pem), who)
        if other != who:
            raise refused(
                Refusal.MISMATCH,
                f"cannot pin the certificate of {who}: {other} has one of the same subject",
            )
        fingerprint = certificates.fingerprint(pem)
        callers[fingerprint] = caller
        pems[fingerprint] = pem
    return AllowList(callers, pems)


def _pinned(root: TrustRoot, publication: Publication | None) -> Iterator[tuple[Caller, str]]:
    for name, pem in root.operators:
        yield Caller(Role.OPERATOR, name), certificates.check(pem)
    for host in publication.hosts if publication else ():
        if host.certificate:
            yield Caller(Role.HOST, host.name), certificates.check(host.certificate)


def _subject(pem: str) -> bytes:
    return x509.load_pem_x509_certificate(pem.encode()).subject.public_bytes()
