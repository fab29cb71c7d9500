"""/etc/subuid and /etc/subgid of a real host: extended under the lock that usermod takes too."""

from collections.abc import Callable, Iterator
import contextlib
import fcntl
import os
from pathlib import Path
import stat
import time

from offctl import files
from offctl.planner import actions as act
from offctl_agent.host import failures, subids

MAX_FILE = 4 * 1024 * 1024
LOCK_SECONDS = 15.0  # as lckpwdf(3)
LOCK_POLL = 0.1


def _silent() -> None:
    """No sign of life wanted."""


class Subids:
    """What root may map into containers, below `root`."""

    def __init__(self, root: Path, alive: Callable[[], None] = _silent) -> None:
        self._etc = root / "etc"
        self._alive = alive

    def granted(self) -> tuple[tuple[str, int, int], ...]:
        """Every range of root: (kind, start, count). Raises AdminError."""
        found: tuple[tuple[str, int, int], ...] = ()
        for kind, name in subids.FILES:
            found += subids.parse(kind, files.read(self._etc / name, limit=MAX_FILE) or b"")
        return found

    def grant(self, action: act.GrantSubids) -> None:
        """Add what is missing; nothing is ever taken away. Raises HostError, AdminError."""
        doing = "grant subordinate ids to root"
        with self._locked(doing):
            files.sweep(self._etc)
            for kind, name in subids.FILES:
                path = self._etc / name
                old = files.read(path, limit=MAX_FILE)
                new = subids.granted(old or b"", (w for w in action.ranges if w.kind == kind))
                if new != (old or b""):
                    mode = files.READABLE if old is None else stat.S_IMODE(path.stat().st_mode)
                    files.write(path, new, mode=mode)
            now = self.granted()
        for wish in action.ranges:
            if (wish.kind, wish.start, wish.count) not in now:
                cause = f"{wish.kind} {wish.start}:{wish.count} is not there afterwards"
                raise failures.refusal(doing, failures.FAILED, cause)

    @contextlib.contextmanager
    def _locked(self, doing: str) -> Iterator[None]:
        path = self._etc / ".pwd.lock"
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(path, flags, files.PRIVATE)
        except OSError as error:
            raise failures.refusal(doing, failures.FAILED, f"{path}: {error.strerror}") from error
        try:
            until = time.monotonic() + LOCK_SECONDS
            while not _taken(descriptor):
                if time.monotonic() >= until:
                    raise failures.refusal(doing, failures.LOCKED, f"somebody else holds {path}")
                self._alive()
                time.sleep(LOCK_POLL)
            yield
        finally:
            files.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
