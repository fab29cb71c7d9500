"""`notify` as sd_notify(3) defines it, for a socket that has a path."""

import os
import socket


def notify(status: str) -> bool:
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(status.encode(), address)
    return True
