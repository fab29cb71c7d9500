"""QEMU's machine protocol: one command, one answer; events are not our business."""

from collections.abc import Callable, Mapping
import contextlib
import json
from pathlib import Path
import socket
import time
from typing import Any

from integration.rig.process import RigError

DEADLINE = 60.0


class Qmp:
    """A connection to one QEMU."""

    def __init__(self, path: Path, alive: Callable[[], bool]) -> None:
        self._socket = connect(path, alive)
        self._socket.settimeout(DEADLINE)
        self._lines = self._socket.makefile("rb")
        self._lines.readline()
        self.command("qmp_capabilities")

    def command(self, name: str, **arguments: object) -> Any:
        """What QEMU answers. Raises RigError when it refuses, or is gone."""
        message: Mapping[str, object] = {"execute": name, "arguments": arguments}
        try:
            self._socket.sendall(json.dumps(message).encode())
            while line := self._lines.readline():
                answer = json.loads(line)
                if "return" in answer:
                    return answer["return"]
                if "error" in answer:
                    raise RigError(f"cannot {name}: QEMU says {answer['error']['desc']}")
        except OSError as error:
            raise RigError(f"cannot {name}: {error}") from error
        raise RigError(f"cannot {name}: QEMU is gone")

    def monitor(self, line: str) -> None:
        """A command that only the monitor for people has; silence is success. Raises RigError."""
        said = self.command("human-monitor-command", **{"command-line": line})
        if said:
            raise RigError(f"cannot {line}: QEMU says {said.strip()}")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._lines.close()
            self._socket.close()


def connect(path: Path, alive: Callable[[], bool]) -> socket.socket:
    """A connection to a socket that QEMU, while alive, is about to make. Raises RigError."""
    until = time.monotonic() + DEADLINE
    while True:
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect(str(path))
        except OSError as error:
            made.close()
            if time.monotonic() > until or not alive():
                raise RigError(f"cannot connect to {path}: {error.strerror}") from error
            time.sleep(0.02)
        else:
            return made
