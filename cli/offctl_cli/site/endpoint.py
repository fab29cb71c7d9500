"""The kind of a TCP endpoint, as stunnel writes one."""

from dataclasses import dataclass
import ipaddress
import re
from typing import Any

from offctl_cli.site import key, kinds

MAX_PORT = 65536

_PORT = re.compile(r"[1-9][0-9]{0,4}")
_NUMERIC_HOST = re.compile(r"[0-9.]+|.*:.*")
_ENDPOINT_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|[0-9A-Fa-f:.]{2,45}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A TCP endpoint as stunnel writes it: `host:port`, IPv6 without brackets, or a bare port.

    Held as text; brackets are taken off. The host part ends at the last colon.
    """

    what: str = 'an endpoint such as "10.1.0.113:6379"'
    bare_port: bool = False

    def read(self, value: object, path: key.Path, reader: kinds.ValueReader) -> str:
        del path, reader
        if self.bare_port and type(value) is int and 0 < value < MAX_PORT:
            return str(value)
        if not isinstance(value, str):
            raise kinds.UnfitError("wrong-type", self.words())
        host, colon, port = value.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not (_PORT.fullmatch(port) and int(port) < MAX_PORT):
            raise kinds.UnfitError(
                "bad-value", self.words(), "the port is what follows the last colon"
            )
        if (colon and not _ENDPOINT_HOST.fullmatch(host)) or (not colon and not self.bare_port):
            raise kinds.UnfitError("bad-value", self.words())
        if _NUMERIC_HOST.fullmatch(host) and not _is_address(host):
            raise kinds.UnfitError("bad-value", self.words(), f"{host!r} is not an address")
        return f"{host}:{int(port)}" if colon else str(int(port))

    def words(self) -> str:
        return self.what + (" or a port alone" if self.bare_port else "")

    def schema(self) -> dict[str, Any]:
        text = {"type": "string", "pattern": "^(.*:)?[0-9]{1,5}$"}
        port = {"type": "integer", "minimum": 1, "maximum": 65535}
        return {"anyOf": [port, text]} if self.bare_port else text


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
