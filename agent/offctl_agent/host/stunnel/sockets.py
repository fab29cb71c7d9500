"""What the kernel says about a network namespace: its sockets and its own addresses. Pure parsers.

The kernel's tables say what is really so; no process has to be asked, and none can lie about it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
import ipaddress
import re

from offctl import errors

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LISTENING = "0A"

_LOCAL = re.compile(r"/32 host LOCAL")
# Addresses that only machines of the same owner can reach; documentation's are nobody's.
_INTERNAL = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)
_NETWORKS = tuple(ipaddress.ip_network(text) for text in _INTERNAL)


@dataclass(frozen=True, slots=True)
class Socket:
    """One TCP socket: where it is bound, its state as the kernel's two digits, and its inode."""

    address: Address
    port: int
    state: str
    inode: int

    @property
    def text(self) -> str:
        """As stunnel writes it: the port after the last colon."""
        return f"{self.address}:{self.port}"


def parse(table: str) -> tuple[Socket, ...]:
    """The sockets of /proc/PID/net/tcp or tcp6; raises MalformedError for another format."""
    found = []
    for line in table.splitlines()[1:]:
        words = line.split()
        try:
            address, port = words[1].split(":")
            found.append(Socket(_address(address), int(port, 16), words[3], int(words[9])))
        except (IndexError, ValueError):
            raise errors.MalformedError("cannot read the kernel's table of sockets") from None
    return tuple(found)


def own_addresses(trie: str, inet6: str) -> tuple[Address, ...]:
    """The addresses a namespace has, from /proc/PID/net/fib_trie and if_inet6."""
    return tuple(sorted({*_own4(trie), *_own6(inet6)}, key=lambda a: (a.version, int(a))))


def is_internal(address: Address) -> bool:
    """Whether only machines of the same owner can reach it."""
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return is_internal(mapped)
    return any(address.version == n.version and address in n for n in _NETWORKS)


def is_exposed(text: str) -> bool:
    """Whether listening at `host:port` is more than private: a public address, or all addresses."""
    host = text.rpartition(":")[0]
    if host == "localhost":
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return True  # a bare port, or a name that could become anything
    return address.is_unspecified or not is_internal(address)


def satisfies(listening: str, accept: str) -> bool:
    """Whether a socket bound at `listening` is what `accept` asks stunnel for."""
    if listening == accept:
        return True
    host, _, port = accept.rpartition(":")
    bound, _, at = listening.rpartition(":")
    if port != at:
        return False
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return bound in ("0.0.0.0", "::") and (not host or host == bound)  # noqa: S104
    if host == "localhost":
        return bound in ("127.0.0.1", "::1")
    try:
        return ipaddress.ip_address(host) == ipaddress.ip_address(bound)
    except ValueError:
        return False


def _address(text: str) -> Address:
    """Words of the processor's own order; all our machines are little-endian."""
    raw = bytes.fromhex(text)
    words = (raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return ipaddress.ip_address(b"".join(words))


def _own4(trie: str) -> Iterator[Address]:
    before = ""
    for line in trie.splitlines():
        if _LOCAL.search(line) and "|-- " in before:
            yield ipaddress.ip_address(before.partition("|-- ")[2].strip())
        before = line


def _own6(table: str) -> Iterator[Address]:
    for line in table.splitlines():
        yield ipaddress.ip_address(bytes.fromhex(line.split()[0]))
