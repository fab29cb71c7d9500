"""A person at a guest's console, until Ctrl-]."""

import os
from pathlib import Path
import select
import socket
import sys
import termios
import tty

LEAVE = b"\x1d"
LIMIT = 1 << 16


def attach(path: Path) -> None:
    """Connect this terminal with the console whose socket this is."""
    print(f"{path.parent.name}: user root, no password; Ctrl-] leaves", flush=True)
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    with socket.socket(socket.AF_UNIX) as guest:
        guest.connect(str(path))
        guest.sendall(b"\r")
        tty.setraw(terminal)
        try:
            _talk(terminal, guest)
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)
    print()


def _talk(terminal: int, guest: socket.socket) -> None:
    while True:
        ready, _, _ = select.select([terminal, guest], [], [])
        if terminal in ready:
            typed = os.read(terminal, LIMIT)
            if not typed or LEAVE in typed:
                return
            guest.sendall(typed)
        if guest in ready:
            said = guest.recv(LIMIT)
            if not said:
                return
            os.write(sys.stdout.fileno(), said)
