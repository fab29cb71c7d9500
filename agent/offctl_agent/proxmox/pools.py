"""Which pools are here, and whether they may be changed.

The kernel lists them in /proc without any program, numbers and dates each import, and says whether
a pool answers. What cannot change while a pool is imported (whether it is read-only or has another
root) is asked of `zpool` once for each import, and only before something is done or where what was
read looks like it: a look at a quiet host starts no `zpool`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import os
from pathlib import Path

from offctl import errors
from offctl_agent.host import failures, run

KSTAT = Path("/proc/spl/kstat/zfs")
SECONDS = 60.0
# What a pool may be in and still take changes; a suspended one never answers.
_SOUND = frozenset({"ONLINE", "DEGRADED"})
_COLUMNS = ("name", "guid", "readonly", "altroot")


@dataclass(frozen=True, slots=True)
class Pool:
    """An imported pool; `silent` says why it cannot even be read. `mark` is another each import.

    `health` is the kernel's word for its state.
    """

    name: str
    mark: str
    silent: str = ""
    health: str = ""


@dataclass(frozen=True, slots=True)
class _Import:
    """What stays as it is from import to export."""

    guid: str
    readonly: bool
    altroot: str


class Pools:
    """The imported pools; raises HostError."""

    def __init__(
        self,
        kstat: Path = KSTAT,
        alive: Callable[[], None] = lambda: None,
        *,
        program: str = "zpool",
    ) -> None:
        self._kstat = kstat
        self._alive = alive
        self._program = program
        self._imports: dict[tuple[str, str], _Import] = {}

    def all(self) -> tuple[Pool, ...]:
        """Every imported pool, by name; starts no program."""
        return tuple(self._pool(name) for name in sorted(self._names()))

    def mark(self, name: str) -> str:
        """The number and date of a pool's import; empty when it is not imported."""
        return self._mark(name) if name in self._names() else ""

    def unready(self, name: str) -> str:
        """Why nothing may be changed in a pool; empty when it may."""
        if name not in self._names():
            return f"pool {name} is not imported"
        if silent := _silent(name, self._health(name)):
            return silent
        marks = {pool: self._mark(pool) for pool in self._names()}
        if (name, marks.get(name, "")) not in self._imports:
            listed = self._listed()
            self._imports = {(n, mark): listed[n] for n, mark in marks.items() if n in listed}
        known = self._imports.get((name, marks.get(name, "")))
        if known is None:
            return f"pool {name} came or went while it was looked at"
        if known.readonly:
            return f"pool {name} is imported read-only"
        return f"pool {name} is imported below {known.altroot}" if known.altroot else ""

    def _pool(self, name: str) -> Pool:
        health = self._health(name)
        return Pool(name, self._mark(name), _silent(name, health), health)

    def _health(self, name: str) -> str:
        return self._read(name, "state").strip()

    def _names(self) -> list[str]:
        try:
            with os.scandir(self._kstat) as entries:
                return [entry.name for entry in entries if entry.is_dir()]
        except OSError as error:
            raise errors.HostError(
                f"cannot see which pools are imported: {self._kstat}: {error.strerror}",
                hint="is the zfs kernel module loaded?",
            ) from error

    def _mark(self, name: str) -> str:
        """The number and date the kernel gave to this import."""
        words = self._read(name, "iostats").partition("\n")[0].split()
        if len(words) < 6:
            raise errors.HostError(f"cannot tell when pool {name} was imported: odd kstat")
        return f"{words[0]} {words[5]}"

    def _read(self, name: str, kind: str) -> str:
        path = self._kstat / name / kind
        try:
            return path.read_text(errors="replace")
        except OSError as error:
            raise errors.HostError(f"cannot read {path}: {error.strerror}") from error

    def _listed(self) -> Mapping[str, _Import]:
        argv = ("zpool", "list", "-Hp", "-o", ",".join(_COLUMNS))
        words = (self._program, *argv[1:])
        done = run.run(words, timeout=SECONDS, alive=self._alive)
        if done.status:
            raise failures.failure("list pools", argv, done.status, done.stderr)
        return dict(parse(done.stdout.decode(errors="surrogateescape")))


def _silent(name: str, health: str) -> str:
    return "" if health in _SOUND else f"pool {name} is {health or 'in no state'}"


def parse(text: str) -> list[tuple[str, _Import]]:
    """What `zpool list` printed. Raises HostError."""
    found = []
    for line in text.splitlines():
        words = line.split("\t")
        if len(words) != len(_COLUMNS) or words[2] not in ("on", "off"):
            raise errors.HostError(f"cannot read the output of zpool list: {line[:80]!r}")
        name, guid, readonly, altroot = words
        found.append((name, _Import(guid, readonly == "on", "" if altroot == "-" else altroot)))
    return found
