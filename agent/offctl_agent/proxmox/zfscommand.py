"""The door to ZFS through its own command: reading a whole pool, and setting what exists.

One `zfs get` reads every dataset of a pool with the source of each value. What it prints is no
format: a value may hold tabs and newlines, and whoever sends a replica chooses its values. So the
properties are asked for by name, and last in each dataset a name that nobody can have foreseen: a
dataset is what stands before it, and counts only if it is one line for each property.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
import re
import secrets

from offctl import errors
from offctl.desired import properties
from offctl_agent.host import failures, run
from offctl_agent.observed import Property

SECONDS = 120.0
FIXED = ("type", "guid", "available")
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

    def __init__(self, alive: Callable[[], None] = lambda: None, *, program: str = "zfs") -> None:
        """`alive` is called now and then while it takes its time."""
        self._alive = alive
        self._program = program
        self._known: frozenset[str] | None = None

    def known(self, pool: str) -> frozenset[str]:
        """The native properties this ZFS has; asked once, the module stays until a reboot."""
        if self._known is None:
            done = self._run("zfs", "get", "-Hp", "-o", "property", "all", pool)
            names = frozenset(_text(done.stdout).split())
            if not names.issuperset(FIXED):
                raise errors.HostError("cannot read what properties ZFS has: it named too few")
            self._known = frozenset(name for name in names if ":" not in name)
        return self._known

    def asked(self, pool: str) -> tuple[str, ...]:
        """The native properties that are read: what can be set, and what a dataset is."""
        return (*FIXED, *sorted(properties.SUPPORTED & self.known(pool)))

    def list(self, pool: str, user: Iterable[str]) -> tuple[Listed, ...]:
        """Every dataset of a pool, with its native and these user properties."""
        names = (*self.asked(pool), KEY, *sorted(user))
        nonce = f"org.offctl:end.{secrets.token_hex(16)}"
        columns, types = "name,property,value,source", "filesystem,volume"
        asked = ",".join((*names, nonce))
        done = self._run("zfs", "get", "-Hp", "-r", "-t", types, "-o", columns, asked, pool)
        return tuple(parse(done.stdout, pool, names, nonce))

    def _run(self, *argv: str) -> run.Finished:
        words = (self._program, *argv[1:])
        done = run.run(words, timeout=SECONDS, alive=self._alive)
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


def _listed(name: str, block: list[str], pool: str, names: tuple[str, ...]) -> Listed:
    if not _NAME.fullmatch(name) or name.split("/")[0] != pool:
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
