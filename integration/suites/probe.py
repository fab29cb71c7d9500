"""What the network looks like to whoever runs this; results go beside it. Runs on a guest."""

from collections.abc import Callable
import errno
import functools
import json
from pathlib import Path
import socket
import sys

HERE = Path(__file__).resolve().parent
FAMILIES = ("AF_UNIX", "AF_NETLINK", "AF_INET", "AF_INET6", "AF_PACKET", "AF_VSOCK")


def families() -> dict[str, str]:
    """Which kinds of socket can be had."""
    found = {}
    for name in FAMILIES:
        kind = socket.SOCK_RAW if name in {"AF_NETLINK", "AF_PACKET"} else socket.SOCK_STREAM
        found[name] = _attempt(functools.partial(socket.socket, getattr(socket, name), kind))
    return found


def packets(targets: list[str]) -> dict[str, str]:
    """Where a datagram can be sent."""
    found = {}
    for target in [*targets, "127.0.0.1"]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            found[target] = _attempt(functools.partial(sender.sendto, b"x", (target, 9)))
    return found


def _attempt(act: Callable[[], object]) -> str:
    try:
        act()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "works"


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    found = families() if what == "families" else packets(rest)
    (HERE / f"{what}.json").write_text(json.dumps(found))
