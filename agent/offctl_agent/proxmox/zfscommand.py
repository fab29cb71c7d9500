"""The door to ZFS through its own command: reading a whole pool, and setting what exists.

One `zfs get` reads every dataset of a pool with the source of each value; libzfs_core could only
run a channel program for that, which takes longer and leaves a line in the pool's history. What
is printed is no format: a value may hold tabs and newlines, and whoever sends a replica chooses
its values. So the properties are asked for by name, and last in each dataset a name that nobody
can have foreseen: a dataset is what stands before it, and counts only if it is one line for each
property.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
import re
import secrets

from offctl import errors
from offctl.desired import properties
from offctl.observed import Property
from offctl_agent.host import failures, run

SECONDS = 120.0
FIXED = ("type", "guid", "available", "used")
# When a snapshot was last taken or removed. A ZFS before 2.2 that is asked for it says nothing.
SNAPSHOTS = "snapshots_changed"
_SINCE = (2, 2)
MODULE = Path("/sys/module/zfs/version")
# Whether the key of an encrypted dataset is here; others have no such property, nor do programs.
KEY = "keystatus"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.: -]*(?:/[A-Za-z0-9_.: -]+)*")
_SOURCES = frozenset({"local", "default", "received", "temporary"})
_INHERITED = "inherited from "


@dataclass(frozen=True, slots=True)
class Listed:
    """One dataset as it was listed; `exact` is False when its values could not be told apart."""

    name: str
    values: Mapping[str, Property]
    exact: bool = True


class ZfsCommand:
    """Reading pools by `zfs get`; raises HostError."""

    def __init__(
        self,
        alive: Callable[[], None] = lambda: None,
        *,
        program: str = "zfs",
        module: Path = MODULE,
    ) -> None:
        """`alive` is called now and then while it takes its time."""
        self._alive = alive
        self._program = program
        # Taken to have every property until it is said not to.
        self._known = properties.SUPPORTED
        self._dated = dated(module)

    def asked(self) -> tuple[str, ...]:
        """The native properties that are read: what can be set, and what a dataset is."""
        return (*FIXED, *sorted(self._known))

    def list(self, pool: str, user: Iterable[str]) -> tuple[Listed, ...]:
        """Every dataset of a pool, with its native and these user properties."""
        found = self._list(pool, tuple(sorted(user)))
        if found is None:
            self._known = self._learned(pool)
            found = self._list(pool, tuple(sorted(user)))
        if found is None:
            raise errors.HostError("cannot read ZFS: it does not know a property it has named")
        return found

    def get(self, name: str, keys: Iterable[str]) -> dict[str, Property]:
        """A few native properties of one dataset; for what a channel program has no answer to."""
        asked = tuple(sorted(keys))
        columns = "name,property,value,source"
        done = self._run("zfs", "get", "-Hp", "-o", columns, ",".join(asked), name)
        return dict(_listed(name, _text(done.stdout).splitlines(), _pool(name), asked).values)

    def exported(self, name: str) -> tuple[str, ...]:
        """Which file systems exporting one may mount: it and what is below, unless canmount=off."""
        asked, columns = ("canmount", "mountpoint"), "name,property,value"
        argv = ("zfs", "get", "-Hp", "-r", "-t", "filesystem", "-o", columns, ",".join(asked), name)
        lines = [line.split("\t") for line in _text(self._run(*argv).stdout).splitlines()]
        if len(lines) % 2:
            raise _odd("it ends in the middle of a dataset")
        found = []
        for first, second in zip(lines[::2], lines[1::2], strict=True):
            each = first[0]
            heads = (first[:2], second[:2]) == ([each, asked[0]], [each, asked[1]])
            if not heads or not f"{each}/".startswith(f"{name}/"):
                raise _odd(f"it names {each[:80]!r} where {name} should be")
            if first[2:] != ["off"] and second[2:3] not in (["none"], ["legacy"]):
                found.append(each)
        return tuple(found)

    def _list(self, pool: str, user: tuple[str, ...]) -> tuple[Listed, ...] | None:
        """None when this ZFS does not have one of the properties."""
        dated = (SNAPSHOTS,) if self._dated else ()
        names = (*self.asked(), *dated, KEY, *user)
        nonce = f"org.offctl:end.{secrets.token_hex(16)}"
        columns, types = "name,property,value,source", "filesystem,volume"
        asked = ",".join((*names, nonce))
        argv = ("zfs", "get", "-Hp", "-r", "-t", types, "-o", columns, asked, pool)
        done = self._start(*argv)
        if done.status and "invalid property" in done.stderr:
            return None
        return tuple(parse(_succeeded(argv, done).stdout, pool, names, nonce))

    def _learned(self, pool: str) -> frozenset[str]:
        """The native properties this ZFS has; the module stays until a reboot."""
        done = self._run("zfs", "get", "-Hp", "-o", "property", "all", pool)
        names = frozenset(_text(done.stdout).split())
        if not names.issuperset(FIXED):
            raise errors.HostError("cannot read what properties ZFS has: it named too few")
        self._dated = self._dated and SNAPSHOTS in names
        return properties.SUPPORTED & names

    def _run(self, *argv: str) -> run.Finished:
        return _succeeded(argv, self._start(*argv))

    def _start(self, *argv: str) -> run.Finished:
        return run.run((self._program, *argv[1:]), timeout=SECONDS, alive=self._alive)


def dated(module: Path) -> bool:
    """Whether this ZFS says when snapshots changed; an older command is found out later."""
    try:
        version = module.read_text(errors="replace")
    except OSError:
        return False
    words = re.match(r"([0-9]{1,4})\.([0-9]{1,4})", version)
    return words is not None and (int(words[1]), int(words[2])) >= _SINCE


def _succeeded(argv: tuple[str, ...], done: run.Finished) -> run.Finished:
    if done.status:
        raise failures.failure("read ZFS", argv, done.status, done.stderr)
    return done


def parse(content: bytes, pool: str, names: tuple[str, ...], nonce: str) -> Iterator[Listed]:
    """What `zfs get` printed. Raises HostError for output that is cut off or of another form."""
    lines = _text(content).split("\n")
    if lines.pop() != "" or not lines:
        raise _odd("it ends in the middle")
    block: list[str] = []
    for line in lines:
        if line.endswith(f"\t{nonce}\t-\t-"):
            yield _listed(line.partition("\t")[0], block, pool, names)
            block = []
        else:
            block.append(line)
    if block:
        raise _odd("it ends in the middle of a dataset")


def _pool(name: str) -> str:
    return name.split("/", 1)[0]


def _listed(name: str, block: list[str], pool: str, names: tuple[str, ...]) -> Listed:
    if not _NAME.fullmatch(name) or _pool(name) != pool:
        raise _odd(f"it names a dataset {name[:80]!r}")
    if len(block) != len(names):
        return Listed(name, {}, exact=False)
    values = {}
    for wanted, line in zip(names, block, strict=True):
        start = f"{name}\t{wanted}\t"
        # The value may hold tabs; name, property and source cannot.
        value, tab, source = line.removeprefix(start).rpartition("\t")
        if not line.startswith(start) or not tab:
            raise _odd(f"{name} has {line[:80]!r} where {wanted} should be")
        if (found := _source(source, name)) == "absent":
            raise _odd(f"{wanted} of {name} has the source {source[:80]!r}")
        if found == "local" and value == "0" and wanted in properties.ZERO_IS_DEFAULT:
            found = "default"
        # A volume has no `mountpoint`, and nobody set that user property.
        if (value, source) != ("-", "-"):
            values[wanted] = Property(value, found)
    return Listed(name, values)


def _source(text: str, name: str) -> str:
    if text in _SOURCES:
        return text
    if text == "-":
        return "none"
    if text.startswith(_INHERITED) and name.startswith(text.removeprefix(_INHERITED)):
        return "inherited"
    return "absent"


def _odd(cause: str) -> errors.HostError:
    return errors.HostError(f"cannot read the output of zfs get: {cause}")


def _text(content: bytes) -> str:
    return content.decode(errors="surrogateescape")
