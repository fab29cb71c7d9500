"""The LAN between guests: a switch in a thread, whose cables can be cut and joined."""

from collections.abc import Iterable
import contextlib
from pathlib import Path
import selectors
import socket
import threading

FRAME = 1 << 16


class Hub:
    """A port for each guest: what QEMU sends to its hub.sock comes out at the others' lan.sock."""

    def __init__(self) -> None:
        self._homes: dict[str, Path] = {}
        self._ports: dict[str, socket.socket] = {}
        self._cut: set[frozenset[str]] = set()
        self._where: dict[bytes, str] = {}
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._switch, daemon=True)
        self._thread.start()

    def plug(self, name: str, home: Path) -> None:
        """Give a guest a port; before it gets power."""
        port = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        port.setblocking(False)
        port.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        port.bind(str(home / "hub.sock"))
        self._homes[name], self._ports[name] = home, port
        self._selector.register(port, selectors.EVENT_READ, name)
        self._wake.send(b"x")

    def cut(self, one: str, *others: str) -> None:
        """Cut the cables between a guest and others, or all others: frames are lost, silently."""
        for other in others or self._ports:
            self._cut.add(frozenset((one, other)))

    def join(self, one: str, *others: str) -> None:
        """Mend what `cut` cut."""
        for other in others or self._ports:
            self._cut.discard(frozenset((one, other)))

    def close(self) -> None:
        """Unplug everything."""
        self._wake.close()
        self._thread.join()
        for port in self._ports.values():
            port.close()
        self._woken.close()
        self._selector.close()

    def _switch(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    if not self._woken.recv(64):
                        return
                else:
                    self._forward(key.data)

    def _forward(self, source: str) -> None:
        with contextlib.suppress(OSError):
            frame = self._ports[source].recv(FRAME)
            destination, sender = frame[:6], frame[6:12]
            self._where[sender] = source
            known = self._where.get(destination)
            self._send(frame, source, [known] if known else list(self._ports))

    def _send(self, frame: bytes, source: str, targets: Iterable[str]) -> None:
        for target in targets:
            if target == source or frozenset((source, target)) in self._cut:
                continue
            # A guest without power, or one that cannot keep up: lost, as on a real wire.
            with contextlib.suppress(OSError):
                self._ports[source].sendto(frame, str(self._homes[target] / "lan.sock"))
