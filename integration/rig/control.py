"""The control channel, our end: programs run in a guest, files to and from it."""

from base64 import b64decode, b64encode
from collections.abc import Callable
import contextlib
from dataclasses import dataclass
import itertools
import json
from pathlib import Path
import queue
import threading
from typing import Any

from integration.rig import qmp
from integration.rig.process import RigError

PIECE = 1 << 20
# The guest is some ten times slower than this machine; what takes longer than this is stuck.
DEADLINE = 300.0
Message = dict[str, Any]


class GuestError(AssertionError):
    """A command in a guest did not do what a test wanted."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a program in a guest came to."""

    code: int
    stdout: str
    stderr: str


class Control:
    """A connection to the agent of one guest; may be used by several threads at once."""

    def __init__(self, path: Path, name: str, alive: Callable[[], bool]) -> None:
        self._name = name
        self._socket = qmp.connect(path, alive)
        self._ids = itertools.count(1)
        self._waiting: dict[int, queue.SimpleQueue[Message | None]] = {}
        self._lock = threading.Lock()
        self._gone = False
        threading.Thread(target=self._listen, daemon=True).start()

    def call(self, op: str, *, timeout: float = DEADLINE, **arguments: object) -> Message:
        """One request and its answer. Raises GuestError when the guest could not, or is silent."""
        number = next(self._ids)
        answers: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        with self._lock:
            if self._gone:
                raise RigError(f"cannot {op} on {self._name}: its power is off")
            self._waiting[number] = answers
            line = json.dumps({"id": number, "op": op, **arguments}).encode() + b"\n"
            with contextlib.suppress(OSError):
                self._socket.sendall(line)
        try:
            answer = answers.get(timeout=timeout)
        except queue.Empty:
            raise GuestError(f"{self._name}: no answer to {op} within {timeout:.0f} s") from None
        finally:
            self._waiting.pop(number, None)
        if answer is None:
            raise GuestError(f"{self._name}: power went off during {op}")
        if "error" in answer:
            raise GuestError(f"{self._name}: cannot {op}: {answer['error']}")
        return answer

    def run(
        self,
        argv: tuple[str, ...],
        *,
        stdin: bytes = b"",
        timeout: float = DEADLINE,
        env: dict[str, str] | None = None,
    ) -> Done:
        """Run a program; its exit status is the caller's to judge. Raises GuestError when late."""
        answer = self.call(
            "run",
            timeout=timeout + 30,
            argv=argv,
            stdin=b64encode(stdin).decode(),
            env=env or {},
            limit=timeout,
        )
        out, err = (b64decode(answer[name]).decode("utf-8", "replace") for name in ("out", "err"))
        if answer["late"]:
            told = f"{out}{err}".strip()
            raise GuestError(f"{self._name}: not done in {timeout:.0f} s: {' '.join(argv)}\n{told}")
        return Done(answer["code"], out, err)

    def put(self, path: str, data: bytes, mode: int) -> None:
        """Write a file."""
        for start in range(0, max(len(data), 1), PIECE):
            piece = b64encode(data[start : start + PIECE]).decode()
            self.call("put", path=path, data=piece, mode=mode, first=start == 0)

    def get(self, path: str) -> bytes:
        """Read a file."""
        data, more = b"", True
        while more:
            answer = self.call("get", path=path, offset=len(data))
            data += b64decode(answer["data"])
            more = answer["more"]
        return data

    def close(self) -> None:
        """No more answers; whoever waits for one hears it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(2)
        self._socket.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError), self._socket.makefile("rb") as lines:
            for line in lines:
                answer = json.loads(line)
                if waiting := self._waiting.get(answer["id"]):
                    waiting.put(answer)
        with self._lock:
            self._gone = True
            for waiting in self._waiting.values():
                waiting.put(None)
