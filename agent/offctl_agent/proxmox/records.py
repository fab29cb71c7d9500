"""Who did what on a real host: PVE's task log, which is files, and `zpool history`, a process each.

A history may be hundreds of megabytes on a pool that is snapshotted every hour, and it is printed
from its beginning: only its end is kept, and whoever does not get there in time is not waited for.
Internal events are not asked for: they name no user, and hold what programs passed to the kernel.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from offctl import errors, files
from offctl_agent.host import failures, run, traces
from offctl_agent.host.traces import Trace, Traces

MAX_LOG = 4 * 1024 * 1024
# `active` holds what goes on, `index` what has ended, `index.1` what did before that.
LOGS = ("active", "index", "index.1")
SECONDS = 20.0
GRACE = 2.0
KEPT = 4 * 1024 * 1024
MOST_POOLS = 4


class Records:
    """The records of the host below `root`."""

    def __init__(
        self, root: Path, alive: Callable[[], None] = lambda: None, *, program: str = "zpool"
    ) -> None:
        self._logs = root / "var/log/pve/tasks"
        self._alive = alive
        self._program = program

    def traces(self, after: datetime, *, tasks: bool, pools: tuple[str, ...]) -> Traces:
        """What they tell since `after`; what cannot be read is named. Never raises."""
        found: list[Trace] = []
        unread: list[str] = []
        for read in self._readers(tasks=tasks, pools=pools):
            try:
                found += [trace for trace in read() if trace.time >= after]
            except errors.OffctlError as error:
                unread.append(str(error))
        return Traces(tuple(dict.fromkeys(found)), tuple(unread))

    def _readers(
        self, *, tasks: bool, pools: tuple[str, ...]
    ) -> Iterator[Callable[[], Iterator[Trace]]]:
        if tasks:
            yield from (lambda name=name: self._tasks(name) for name in LOGS)
        yield from (lambda pool=pool: self._history(pool) for pool in pools[:MOST_POOLS])

    def _tasks(self, name: str) -> Iterator[Trace]:
        yield from traces.tasks(files.read(self._logs / name, limit=MAX_LOG) or b"")

    def _history(self, pool: str) -> Iterator[Trace]:
        argv = ("zpool", "history", "-l", pool)
        words = (self._program, *argv[1:])
        done = run.run(words, timeout=SECONDS, alive=self._alive, grace=GRACE, last=KEPT)
        if done.status:
            raise failures.failure("read who changed ZFS", argv, done.status, done.stderr)
        yield from traces.commands(done.stdout, pool, _instant)


def _instant(said: datetime) -> datetime:
    """Programs are started without TZ, so their clock is the host's, as ours is."""
    return said.astimezone(UTC)
