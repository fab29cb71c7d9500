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
HEADERS, RESET, SETTINGS, PING, GOAWAY = 1, 3, 4, 6, 7
END_HEADERS, CANCEL = 4, 8
TIMEOUT = 10.0

_FILES = ("frames.crt", "frames.key", "frames.server")


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


def write_keys(directory: Path, fleet: Fleet, pair: Pair) -> None:
    """What `opened` needs to speak as `pair`."""
    texts = (pair.certificate.encode(), pair.key, fleet.server.certificate.encode())
    for name, text in zip(_FILES, texts, strict=True):
        (directory / name).write_bytes(text)


def client_context(directory: Path) -> ssl.SSLContext:
    """A client with these keys that believes the coordinator only."""
    certificate, key, server = (directory / name for name in _FILES)
    context = ssl.create_default_context(cafile=str(server))
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    context.check_hostname = False
    return context


@contextlib.contextmanager
def opened_with(context: ssl.SSLContext, address: str, source: str = "") -> Iterator[Peer]:
    """A connection whose handshake is done; the rest is up to the test."""
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), 20, (source, 0)) as plain,
        context.wrap_socket(plain, server_hostname=certificates.SERVER_NAME) as secure,
    ):
        secure.settimeout(TIMEOUT)
        yield Peer(secure)


@contextlib.contextmanager
def opened(directory: Path, address: str, source: str = "") -> Iterator[Peer]:
    """The same with keys from a directory, and everything as it should be."""
    with opened_with(client_context(directory), address, source) as peer:
        yield peer


@contextlib.contextmanager
def connected(directory: Path, fleet: Fleet, pair: Pair, address: str) -> Iterator[Peer]:
    """The same as one of the fleet."""
    write_keys(directory, fleet, pair)
    with opened(directory, address) as peer:
        yield peer


def call(path: str, stream: int) -> bytes:
    """The beginning of a call, as short as it can be said."""
    words = b"\x83\x87" + _word(4, path) + _word(1, "offctl")
    named = _word(0, "content-type", "application/grpc") + _word(0, "te", "trailers")
    return frame(HEADERS, words + named, flags=END_HEADERS, stream=stream)


def reset(stream: int) -> bytes:
    """Its end, by whoever began it."""
    return frame(RESET, CANCEL.to_bytes(4, "big"), stream=stream)


def _word(index: int, *texts: str) -> bytes:
    """A header field that is not to be remembered: by a number that both sides know, or a name."""
    return bytes((index,)) + b"".join(bytes((len(text),)) + text.encode() for text in texts)
