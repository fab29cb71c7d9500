"""The one door through which a program is started. Nobody else imports subprocess.

A program gets a list of words (never a shell), nothing to read, a clean environment and a session
of its own; it writes to memory files, so that a grandchild that lives on (a container) never holds
us. This room does not know what a status or an output means; that is for whoever asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import os
import select
import signal
import subprocess
import time

from offctl.errors import HostError
from offctl_agent.host import failures, stuck
from offctl_agent.host.tail import Tail

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
MAX_OUTPUT = 8 * 1024**2
TURN = 1.0  # seconds between two signs of life
# Between SIGTERM and SIGKILL: pct and zfs finish or undo what they are at when asked to end.
GRACE = 30.0
_AFTER_KILL = 5.0


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that has ended: `status` is its exit status, or minus the signal that killed it.

    `stdout` is exactly what it wrote; `stderr` is for people, its odd bytes escaped.
    """

    argv: tuple[str, ...]
    status: int
    stdout: bytes
    stderr: str


def _silent() -> None:
    """No sign of life wanted."""


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    alive: Callable[[], None] = _silent,
    path: str = PATH,
    grace: float = GRACE,
    last: int = 0,
) -> Finished:
    """Run a program to its end, whatever status that has.

    `alive` is called about once a second while waiting; what it raises comes through, and the
    program goes on without us. `path` is where programs are looked for. With `last` it may say as
    much as it likes, and of its output only about the last so many bytes are kept.

    Raises HostError: FAILED when it cannot be started or says more than MAX_OUTPUT, TIMEOUT when
    it does not end within `timeout` seconds (it is asked to end, waited for, and only then killed),
    HANGS when one of the same program was killed and cannot die: this one would hang beside it.
    """
    if argv and (numbers := stuck.of(argv[0])):
        cause = stuck.told(f"an earlier {os.path.basename(argv[0])}", numbers)  # noqa: PTH119
        raise failures.refusal(f"run {failures.command(argv)}", failures.HANGS, cause)
    tail = Tail(last) if last else None
    out = tail.write if tail else os.memfd_create("stdout")
    err = os.memfd_create("stderr")
    try:
        process = _start(argv, out, err, path)
        with _Watched(process, (out, err), alive, tail) as watched:
            why = watched.wait(timeout)
            if why:
                raise _stopped(watched, argv, timeout, why, grace, err)
            status = process.wait()
        if _overflows((out, err)):
            raise _too_much(argv)
        said = tail.said() if tail else _read(out)
        return Finished(tuple(argv), status, said, _text(_read(err)))
    finally:
        if tail:
            tail.close()
        os.close(out)
        os.close(err)


class _Watched:
    """A running program, waited for by its pidfd: no polling, no signal handler."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        files: tuple[int, int],
        alive: Callable[[], None],
        tail: Tail | None,
    ) -> None:
        self.process = process
        self._files = files
        self._alive = alive
        self._handle = os.pidfd_open(process.pid)
        self._poll = select.poll()
        self._poll.register(self._handle, select.POLLIN)
        self._tail = tail
        if tail:
            self._poll.register(tail.read, select.POLLIN)

    def __enter__(self) -> "_Watched":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    def wait(self, seconds: float, *, whatever_it_says: bool = False) -> str:
        """Empty when it ended; else `late` or `loud`."""
        until, turn = time.monotonic() + seconds, time.monotonic() + TURN
        while (left := until - time.monotonic()) > 0:
            if self._ended(min(left, max(0.0, turn - time.monotonic()))):
                return ""
            if not whatever_it_says and _overflows(self._files):
                return "loud"
            if time.monotonic() >= turn:
                self._alive()
                turn = time.monotonic() + TURN
        return "" if self._ended(0) else "late"

    def _ended(self, seconds: float) -> bool:
        ready = {file for file, _ in self._poll.poll(seconds * 1000)}
        if self._tail and self._tail.read in ready:
            self._tail.drain()
        return self._handle in ready

    def signal(self, number: signal.Signals) -> None:
        """To the whole process group: what it started to do its work ends with it."""
        # The leader is not reaped before the end of `run`, so the number cannot be another's.
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return


def _start(argv: Sequence[str], out: int, err: int, path: str) -> subprocess.Popen[bytes]:
    doing = f"run {failures.command(argv)}"
    try:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd="/",
            # pct writes U+FFFD over what is not ASCII in a locale without it.
            env={"LC_ALL": "C.UTF-8", "PATH": path},
            start_new_session=True,
        )
    except FileNotFoundError:
        cause = f"there is no program {argv[0]} in {path}"
        raise failures.refusal(doing, failures.FAILED, cause) from None
    except (OSError, ValueError, IndexError) as error:
        cause = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise failures.refusal(doing, failures.FAILED, cause) from None


def _stopped(
    watched: _Watched, argv: Sequence[str], timeout: float, why: str, grace: float, err: int
) -> HostError:
    """End it, gently first; the error says how that went."""
    watched.signal(signal.SIGTERM)
    said = "it was asked to end, and did"
    if watched.wait(grace, whatever_it_says=True):
        watched.signal(signal.SIGKILL)
        said = f"it ignored SIGTERM for {grace:g} seconds and was killed"
        if watched.wait(_AFTER_KILL, whatever_it_says=True):
            pid = watched.process.pid
            said = f"it cannot even be killed (process {pid} waits in the kernel)"
    if not said.startswith("it cannot"):
        watched.process.wait()
    error = _too_much(argv) if why == "loud" else _too_late(argv, timeout)
    words = failures.bounded(_text(_read(err)))
    return HostError(f"{error}; {said}", hint=error.hint, code=error.code, evidence=words)


def _too_late(argv: Sequence[str], timeout: float) -> HostError:
    return failures.timeout("wait for a command", argv, timeout)


def _too_much(argv: Sequence[str]) -> HostError:
    cause = f"it says more than {MAX_OUTPUT} bytes"
    return failures.refusal(f"run {failures.command(argv)}", failures.FAILED, cause)


def _overflows(files: tuple[int, int]) -> bool:
    return any(os.fstat(file).st_size > MAX_OUTPUT for file in files)


def _read(file: int) -> bytes:
    return os.pread(file, MAX_OUTPUT, 0)


def _text(content: bytes) -> str:
    return content.decode(errors="backslashreplace")
