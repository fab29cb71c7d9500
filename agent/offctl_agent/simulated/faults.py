"""What is broken on a simulated host: `faults.toml` in its directory, read again each time.

no_quorum = true            # /etc/pve is read-only
pve_not_mounted = true      # /etc/pve is an empty directory
zfs_unreadable = "reason"   # zfs cannot be read at all
stunnel_deaf = true         # stunnel, told to read its files again, does nothing
tunnels_broken = ["10.1.0.113:6379"]  # no connection through these addresses stays up
[pools.zfs-nvme]
state = "missing"           # or "readonly", or "degraded"
[[command]]                 # a program that fails instead of doing its work ...
argv = ["pct", "set", "110"]
code = 255
stderr = "can't lock file"
after = false               # ... or, with true, after having done it
[[hang]]                    # a program that never comes back, given up after some seconds
argv = ["pct", "start"]
seconds = 0
"""

from dataclasses import dataclass

from offctl import tables, toml

NAME = "faults.toml"
LIMIT = 64 * 1024
DEGRADED = "degraded"


@dataclass(frozen=True, slots=True)
class Failure:
    """A program called with these first arguments fails, before or after doing its work."""

    argv: tuple[str, ...]
    code: int
    stderr: str
    after: bool


@dataclass(frozen=True, slots=True)
class Hang:
    """A program called with these first arguments does nothing for `seconds` and is given up."""

    argv: tuple[str, ...]
    seconds: int


@dataclass(frozen=True, slots=True)
class Faults:
    """Everything that is broken now."""

    no_quorum: bool = False
    pve_not_mounted: bool = False
    zfs_unreadable: str = ""
    stunnel_deaf: bool = False
    tunnels_broken: tuple[str, ...] = ()
    pools: tuple[tuple[str, str], ...] = ()
    failures: tuple[Failure, ...] = ()
    hangs: tuple[Hang, ...] = ()

    def pool(self, name: str) -> str:
        """Why a pool cannot be used: "missing", "readonly", or empty when it can."""
        state = dict(self.pools).get(name, "")
        return "" if state == DEGRADED else state

    def health(self, name: str) -> str:
        """What the kernel would call the state of an imported pool."""
        return "DEGRADED" if dict(self.pools).get(name, "") == DEGRADED else "ONLINE"

    def failure(self, argv: tuple[str, ...]) -> Failure | None:
        """The first failure that fits a call."""
        return next((f for f in self.failures if argv[: len(f.argv)] == f.argv), None)

    def hang(self, argv: tuple[str, ...]) -> Hang | None:
        """The first hang that fits a call."""
        return next((h for h in self.hangs if argv[: len(h.argv)] == h.argv), None)


def parse(content: bytes | None) -> Faults:
    """Read `faults.toml`; no file or an empty one breaks nothing. Raises MalformedError."""
    if content is None or not content.strip():
        return Faults()
    table = toml.parse(content, what=NAME, limit=LIMIT)
    found = Faults(
        no_quorum=table.boolean("no_quorum", default=False),
        pve_not_mounted=table.boolean("pve_not_mounted", default=False),
        zfs_unreadable=table.string("zfs_unreadable", ""),
        stunnel_deaf=table.boolean("stunnel_deaf", default=False),
        tunnels_broken=table.strings("tunnels_broken"),
        pools=tuple((name, _pool(t)) for name, t in table.named_tables("pools")),
        failures=tuple(_failure(t) for t in table.tables("command")),
        hangs=tuple(_hang(t) for t in table.tables("hang")),
    )
    table.finish()
    return found


def _pool(table: tables.Table) -> str:
    state = table.choice("state", ("missing", "readonly", DEGRADED))
    table.finish()
    return state


def _failure(table: tables.Table) -> Failure:
    failure = Failure(
        argv=table.strings("argv"),
        code=table.integer("code", 255, most=255),
        stderr=table.string("stderr", "injected failure"),
        after=table.boolean("after", default=False),
    )
    table.finish()
    return failure


def _hang(table: tables.Table) -> Hang:
    hang = Hang(argv=table.strings("argv"), seconds=table.integer("seconds", 0, most=3600))
    table.finish()
    return hang
