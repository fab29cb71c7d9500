"""HTTP/2 by hand, as no client library would speak it: one connection of a pinned caller."""

from collections.abc import Iterator
import contextlib
from pathlib import Path
import socket
import ssl
import struct

from offctl import certificates
from transport.fleet import Fleet, Pair

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, PING, GOAWAY = 4, 6, 7


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    length = struct.pack("!I", len(payload))[1:]
    return length + bytes((kind, flags)) + struct.pack("!I", stream) + payload


class Peer:
    """What this connection was sent, frame by frame."""

    def __init__(self, secure: ssl.SSLSocket) -> None:
        self.socket = secure
        self._rest = b""

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Kind and payload of each frame until the other side hangs up, or says nothing."""
        with contextlib.suppress(OSError):
            while chunk := self.socket.recv(1 << 16):
                self._rest += chunk
                while len(self._rest) >= 9:
                    length = int.from_bytes(self._rest[:3], "big")
                    if len(self._rest) < 9 + length:
                        break
                    yield self._rest[3], self._rest[9 : 9 + length]
                    self._rest = self._rest[9 + length :]


@contextlib.contextmanager
def connected(directory: Path, fleet: Fleet, pair: Pair, address: str) -> Iterator[Peer]:
    """A connection whose handshake is right; the rest is up to the test."""
    files = [directory / name for name in ("frames.crt", "frames.key", "frames.server")]
    texts = (pair.certificate.encode(), pair.key, fleet.server.certificate.encode())
    for path, text in zip(files, texts, strict=True):
        path.write_bytes(text)
    context = ssl.create_default_context(cafile=str(files[2]))
    context.load_cert_chain(files[0], files[1])
    context.set_alpn_protocols(["h2"])
    context.check_hostname = False
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=certificates.SERVER_NAME) as secure,
    ):
        secure.settimeout(10)
        yield Peer(secure)
