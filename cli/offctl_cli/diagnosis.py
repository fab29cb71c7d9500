"""Why a coordinator could not be spoken with: asked again with plain sockets, for a clear answer.

gRPC reports nearly every failed connection as "unavailable", in words that change from version to
version. What cannot be told apart even here: a server that closes the connection without a reason
during the handshake (an overloaded one, or a proxy in between) from one that refuses our
certificate so.
"""

import socket
import ssl

from offctl import certificates, errors
from offctl_cli.connection import Connection

SECONDS = 5.0


def explain(connection: Connection, said: str) -> errors.OffctlError:
    """The error to raise for a call that did not come through; `said` is gRPC's own text."""
    host, _, port = connection.address.rpartition(":")
    try:
        plain = socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS)
    except (OSError, OverflowError) as error:
        return _unreachable(
            f"cannot reach the coordinator: nobody answers at {connection.address} ({error})",
            "is `offctl-coordinator serve` running there, and the way to it open?",
        )
    with plain:
        return _shake_hands(connection, plain, said)


def _shake_hands(connection: Connection, plain: socket.socket, said: str) -> errors.OffctlError:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=connection.coordinators.decode("ascii"))
        context.load_cert_chain(*connection.own_files)
        context.set_alpn_protocols(["h2"])
        if not _first_byte(context, plain):
            return _not_accepted(connection)
    except ssl.SSLCertVerificationError:
        return _unreachable(
            f"cannot trust the server at {connection.address}: it does not have the certificate "
            "of a pinned coordinator",
            "compare `offctl-coordinator show` there with your trust root; if they agree, somebody "
            "else answers at that address",
        )
    except TimeoutError:
        return _unreachable(
            f"cannot reach the coordinator: the server at {connection.address} does not answer"
        )
    except ssl.SSLError as error:
        if "ALERT" in (error.reason or "") or "EOF" in (error.reason or ""):
            return _not_accepted(connection)
        return _unreachable(
            f"cannot reach the coordinator: the server at {connection.address} does not speak our "
            f"protocol ({error.reason or error})",
            "is this the coordinator's port?",
        )
    except OSError:
        return _not_accepted(connection)
    return _unreachable(f"cannot reach the coordinator at {connection.address}: {said}")


def _first_byte(context: ssl.SSLContext, plain: socket.socket) -> bytes:
    """What the other side says first after the handshake; empty when it hangs up.

    In TLS 1.3 it judges our certificate only after our own part of the handshake is done.
    """
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = context.wrap_bio(incoming, outgoing, server_hostname=certificates.SERVER_NAME)
    shaken = False
    while True:
        try:
            if not shaken:
                secure.do_handshake()
                shaken = True
            return secure.read(1)
        except ssl.SSLWantReadError:
            plain.sendall(outgoing.read())
            received = plain.recv(65536)
            if not received:
                return b""
            incoming.write(received)


def _not_accepted(connection: Connection) -> errors.OffctlError:
    own = certificates.fingerprint(connection.certificate)
    return errors.AdminError(
        f"cannot connect to {connection.address}: the coordinator does not accept this "
        f"certificate ({own})",
        hint="an operator's certificate must stand below [operators] in the coordinator's trust "
        "root; it reads that file when it starts",
        code="NOT_ACCEPTED",
    )


def _unreachable(message: str, hint: str = "") -> errors.UnreachableError:
    return errors.UnreachableError(message, hint=hint)
