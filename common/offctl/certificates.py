"""Pinned identities: self-signed P-256 certificates for TLS, and x25519 keys for tunnels.

There is no authority: a certificate is believed because its exact bytes are listed. So it never
expires by itself, and it must not be able to vouch for another (CA:FALSE). gRPC takes no Ed25519
certificates, hence P-256. This module knows no gRPC.
"""

from datetime import UTC, datetime
import hashlib
import re

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519

from offctl import errors
from offctl.trust import base64text

# The name every coordinator's certificate is valid for; clients override the address with it.
SERVER_NAME = "coordinator.offctl"
MAX_CERTIFICATE = 4 * 1024

_VALID_FROM = datetime(2000, 1, 1, tzinfo=UTC)
# "No well-defined expiration date" (RFC 5280 section 4.1.2.5).
_VALID_TO = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_PEM = re.compile(
    r"\s*-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]+)\n-----END CERTIFICATE-----\s*"
)
_TUNNEL_PREFIX = "x25519:"
_FIELD = 2**255 - 19


def generate(
    common_name: str, *, dns_name: str = "", key: bytes | None = None
) -> tuple[str, bytes]:
    """A new certificate as PEM, and its secret key as PKCS #8 PEM.

    `dns_name` is what the certificate is valid for; empty means `common_name`. A coordinator's is
    SERVER_NAME. `key` is a secret key of ours to certify instead of a new one; raises
    MalformedError when it is not.
    """
    secret_key = ec.generate_private_key(ec.SECP256R1()) if key is None else _secret(key)
    serial = x509.random_serial_number()
    # TLS looks among the listed certificates by subject and takes the first, so a new certificate
    # of the same host beside the old one would be refused if both had the same subject.
    name = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, f"{serial:x}"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret_key.public_key())
        .serial_number(serial)
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_TO)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(dns_name or common_name)]), critical=False
        )
        .sign(secret_key, hashes.SHA256())
    )
    secret = secret_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"), secret


def fingerprint(certificate: str | bytes) -> str:
    """The sha256 of a certificate's DER, in hexadecimal; it may be given as PEM (text) or DER.

    Raises MalformedError for text that is not one PEM certificate; DER is hashed as it is.
    """
    if isinstance(certificate, str) or certificate.lstrip().startswith(b"-----"):
        certificate = _der(certificate)
    return hashlib.sha256(certificate).hexdigest()


def check(pem: str | bytes) -> str:
    """The certificate in canonical PEM, if it is of the kind that `generate` makes.

    Raises MalformedError for anything else: more than one block, text around it, another kind of
    key, a certificate that somebody else signed or that could sign others.
    """
    der = _der(pem)
    try:
        certificate = x509.load_der_x509_certificate(der)
        complaint = _complaint(certificate)
    except (ValueError, exceptions.UnsupportedAlgorithm):
        raise _bad("its content is damaged") from None
    if complaint:
        raise _bad(complaint)
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _secret(pem: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, exceptions.UnsupportedAlgorithm):
        raise errors.MalformedError("cannot use the secret key: its file is damaged") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise errors.MalformedError("cannot use the secret key: it is not a P-256 key")
    return key


def tunnel_key_of(pem: bytes) -> str:
    """The public half of a secret tunnel key; raises MalformedError when it is not one."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, exceptions.UnsupportedAlgorithm):
        raise errors.MalformedError("cannot use the tunnel key: its file is damaged") from None
    if not isinstance(key, x25519.X25519PrivateKey):
        raise errors.MalformedError("cannot use the tunnel key: it is not an x25519 key")
    return _public_text(key)


def _public_text(key: x25519.X25519PrivateKey) -> str:
    public = key.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    return _TUNNEL_PREFIX + base64text.encode(public)


def generate_tunnel_key() -> tuple[str, bytes]:
    """A new x25519 key: the public half as `x25519:` and base64, the secret as PKCS #8 PEM."""
    key = x25519.X25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return _public_text(key), secret


def check_tunnel_key(text: str) -> str:
    """`text` itself, if it is a public key with which two ends can agree on a secret.

    Raises MalformedError: with a point of low order the shared secret is zero, and known to all.
    """
    if not text.startswith(_TUNNEL_PREFIX):
        raise errors.MalformedError(
            f"cannot read tunnel key {text[:60]!r}: it must start with {_TUNNEL_PREFIX!r}"
        )
    raw = base64text.decode(text.removeprefix(_TUNNEL_PREFIX), "tunnel key")
    if len(raw) != 32:
        raise errors.MalformedError(f"cannot use tunnel key: it has {len(raw)} bytes, not 32")
    if int.from_bytes(raw, "little") >= _FIELD:
        raise errors.MalformedError(f"cannot use tunnel key {text}: not in its canonical form")
    # Every secret is a multiple of eight, so any one of them finds every point of low order.
    probe = x25519.X25519PrivateKey.from_private_bytes(bytes(32))
    try:
        probe.exchange(x25519.X25519PublicKey.from_public_bytes(raw))
    except ValueError:
        raise errors.MalformedError(
            f"cannot use tunnel key {text}: a point of low order, its secrets are known to all"
        ) from None
    return text


def _der(pem: str | bytes) -> bytes:
    text = pem.decode("ascii", "replace") if isinstance(pem, bytes) else pem
    match = _PEM.fullmatch(text) if len(text) <= MAX_CERTIFICATE else None
    if match is None:
        raise _bad("not exactly one PEM block")
    return base64text.decode(match[1].replace("\n", ""), "certificate")


def _complaint(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        return "its key is not of the kind P-256"
    if not _is_self_signed(certificate, key):
        return "it is not signed by itself"
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return "it does not say CA:FALSE"
    # As a TLS root, a certificate that says CA:TRUE would let its owner make any other.
    return "it says CA:TRUE" if constraints.value.ca else ""


def _is_self_signed(certificate: x509.Certificate, key: ec.EllipticCurvePublicKey) -> bool:
    if certificate.issuer != certificate.subject:
        return False
    if not isinstance(certificate.signature_hash_algorithm, hashes.SHA256):
        return False
    try:
        key.verify(
            certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256())
        )
    except exceptions.InvalidSignature:
        return False
    return True


def _bad(cause: str) -> errors.MalformedError:
    return errors.MalformedError(
        f"cannot use certificate: {cause}",
        hint="use one that `offctl-agent init`, `offctl-coordinator init` or "
        "`offctl identity new` made",
    )
