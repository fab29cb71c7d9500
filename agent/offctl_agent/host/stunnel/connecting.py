"""A program of its own: connect to addresses, send nothing, and say which connections stay up.

    python3 -m offctl_agent.host.stunnel.connecting SECONDS ADDRESS:PORT ...

stunnel takes every connection and closes it at once when the handshake or the far target fails, so
one that stays up went through; no key is needed to know. It runs without privileges, in the
network namespace of the client end; the agent itself has no IP sockets. Prints one line for each
address: the address, a tab, and nothing or what went wrong.
"""

import selectors
import socket
import sys
import time

STAYS = ""
_CUT = "closed at once: wrong key, or no target behind it"


def prove(seconds: float, addresses: list[str]) -> dict[str, str]:
    """What became of a connection to each address within `seconds`, all at once; "" is good."""
    told: dict[str, str] = {}
    with selectors.DefaultSelector() as selector:
        for address in addresses:
            host, _, port = address.rpartition(":")
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            connection = socket.socket(family, socket.SOCK_STREAM)
            connection.settimeout(seconds)
            try:
                connection.connect((host, int(port)))
            except ConnectionResetError:
                told[address] = _CUT
                connection.close()
                continue
            except OSError as error:
                told[address] = f"nobody listens there ({error.strerror or error})"
                connection.close()
                continue
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ, address)
        until = time.monotonic() + seconds
        while len(told) < len(addresses) and (left := until - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                assert isinstance(key.fileobj, socket.socket)
                told[key.data] = _heard(key.fileobj)
                selector.unregister(key.fileobj)
                key.fileobj.close()
        for key in list(selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            told[key.data] = STAYS
            key.fileobj.close()
    return told


def _heard(connection: socket.socket) -> str:
    try:
        # A target that speaks first is as good as one that waits.
        return STAYS if connection.recv(1) else _CUT
    except OSError:
        return _CUT


def main() -> None:
    """Print what became of each connection; exit 0 whatever that is."""
    seconds, *addresses = sys.argv[1:]
    for address, reason in prove(float(seconds), addresses).items():
        sys.stdout.write(f"{address}\t{reason}\n")


if __name__ == "__main__":
    main()
