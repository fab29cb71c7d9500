"""Identities: what is refused, and that pinned ones do what they are for over real TLS."""

from collections.abc import Callable, Iterator
from concurrent import futures
import contextlib
from datetime import UTC, datetime
import hashlib
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
import grpc
import pytest

from offctl import certificates, errors
from offctl.trust import base64text
from trust import material

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def made(
    key: Private,
    *,
    signer: Private | None = None,
    issuer: str = "off1",
    ca: bool | None = False,
    digest: hashes.HashAlgorithm | None = None,
) -> str:
    """A certificate for `off1` like ours, but for what is asked."""
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, n)]) for n in ("off1", issuer)]
    builder = (
        x509.CertificateBuilder(names[1], names[0], key.public_key(), 1)
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("off1")]), critical=False)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    certificate = builder.sign(signer or key, digest or hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def refused(pem: str) -> str:
    with pytest.raises(errors.MalformedError) as caught:
        certificates.check(pem)
    return str(caught.value)


def test_a_new_certificate_is_what_we_accept() -> None:
    pem, _ = certificates.generate("off1")
    assert certificates.check(pem) == pem
    assert certificates.check(f"\n{pem}\n".encode()) == pem
    der = x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER)
    assert der.index(b"000101000000Z") < der.index(b"99991231235959Z")
    assert certificates.generate("off1")[0] != pem


def test_a_fingerprint_is_of_the_der_however_it_comes() -> None:
    pem, _ = certificates.generate("off1")
    der = x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER)
    prints = {certificates.fingerprint(given) for given in (pem, pem.encode(), der, pem.strip())}
    assert prints == {hashlib.sha256(der).hexdigest()}


def test_other_certificates_are_refused() -> None:
    p256, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    assert certificates.check(made(p256))
    assert "P-256" in refused(made(ec.generate_private_key(ec.SECP384R1())))
    assert "P-256" in refused(made(rsa.generate_private_key(65537, 1024)))
    assert "signed by itself" in refused(made(p256, signer=other))
    assert "signed by itself" in refused(made(p256, issuer="off2"))
    assert "signed by itself" in refused(made(p256, digest=hashes.SHA512()))
    assert "CA:TRUE" in refused(made(p256, ca=True))
    assert "CA:FALSE" in refused(made(p256, ca=None))


@pytest.mark.parametrize(
    "edit",
    [
        lambda pem: pem + pem,
        lambda pem: "subject=off1\n" + pem,
        lambda pem: pem + "x",
        lambda pem: pem.replace("CERTIFICATE", "PRIVATE KEY"),
        lambda pem: pem.replace("-----END", "----END"),
        lambda pem: pem.replace("\n", "\n" * 5000, 1),
        lambda pem: pem.replace("MII", "AAA"),
        lambda pem: pem.replace("\n-----END", "=\n-----END"),
        lambda _: "",
        lambda _: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        lambda pem: pem.replace("M", "é", 1),
    ],
)  # fmt: skip
def test_damaged_certificates_are_refused(edit: Callable[[str], str]) -> None:
    pem = material.certificate("off1")
    assert "cannot" in refused(edit(pem))


def test_tunnel_keys() -> None:
    text, pem = certificates.generate_tunnel_key()
    assert certificates.check_tunnel_key(text) == text
    assert b"PRIVATE KEY" in pem
    prime = 2**255 - 19
    low = (0, 1, prime - 1, int.from_bytes(bytes.fromhex(
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"), "little"),
        int.from_bytes(bytes.fromhex(
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"), "little"))  # fmt: skip
    for number in (*low, prime, prime + 1, 2**255 - 1, 2**255 + 9):
        weak = "x25519:" + base64text.encode(number.to_bytes(32, "little"))
        with pytest.raises(errors.MalformedError):
            certificates.check_tunnel_key(weak)
    for bad in (text[7:], text + " ", text[:-1], "x25519:", "x25519:AAAA", text.upper()):
        with pytest.raises(errors.MalformedError):
            certificates.check_tunnel_key(bad)


class Pins:
    """The client certificates a test server accepts; may change while it runs."""

    def __init__(self, *accepted: str) -> None:
        self.accepted = list(accepted)
        self.pem, self.key = certificates.generate("main", dns_name=certificates.SERVER_NAME)

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        roots = "".join(self.accepted).encode()
        return grpc.ssl_server_certificate_configuration([(self.key, self.pem.encode())], roots)


@contextlib.contextmanager
def serving(pins: Pins) -> Iterator[int]:
    """A server that answers every call with the fingerprint of the caller's certificate."""

    def who(_: bytes, context: grpc.ServicerContext) -> bytes:
        caller: Any = context.auth_context()
        return certificates.fingerprint(caller["x509_pem_cert"][0]).encode()

    handler = grpc.method_handlers_generic_handler(
        "test.Who", {"Ask": grpc.unary_unary_rpc_method_handler(who)}
    )
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[handler])
    credentials = grpc.dynamic_ssl_server_credentials(
        pins.configuration(), pins.configuration, require_client_authentication=True
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def ask(port: int, pin: str, certificate: str = "", key: bytes = b"") -> str:
    """The server's answer, or "refused"."""
    credentials = grpc.ssl_channel_credentials(
        pin.encode(), key or None, certificate.encode() if certificate else None
    )
    override = (("grpc.ssl_target_name_override", certificates.SERVER_NAME),)
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials, override) as channel:
        try:
            answer: bytes = channel.unary_unary("/test.Who/Ask", bytes, bytes)(b"", timeout=10)
        except grpc.RpcError as error:
            return "refused" if error.code() is grpc.StatusCode.UNAVAILABLE else str(error)
        return answer.decode()


def test_pinned_mutual_tls() -> None:
    known, stranger = certificates.generate("off1"), certificates.generate("off1")
    pins = Pins(known[0])
    with serving(pins) as port:
        assert ask(port, pins.pem, *known) == certificates.fingerprint(known[0])
        assert ask(port, pins.pem, *stranger) == "refused"
        assert ask(port, pins.pem) == "refused"
        assert ask(port, Pins().pem, *known) == "refused"
        pins.accepted.append(stranger[0])
        assert ask(port, pins.pem, *stranger) == certificates.fingerprint(stranger[0])


def test_a_pinned_certificate_cannot_vouch_for_another() -> None:
    pem, key = certificates.generate("off1")
    owner = serialization.load_pem_private_key(key, None)
    assert isinstance(owner, ec.EllipticCurvePrivateKey)
    child = ec.generate_private_key(ec.SECP256R1())
    child_pem = made(child, signer=owner)
    child_key = child.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pins = Pins(pem)
    with serving(pins) as port:
        assert ask(port, pins.pem, pem, key) == certificates.fingerprint(pem)
        assert ask(port, pins.pem, child_pem, child_key) == "refused"
        assert ask(port, pins.pem, child_pem + pem, child_key) == "refused"
