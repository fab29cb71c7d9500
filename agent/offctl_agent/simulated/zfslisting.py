"""What `zfs list`, `zfs get` and a bare `zfs mount` print on a simulated host."""

from collections.abc import Iterable

from offctl.desired import properties
from offctl.observed import Property
from offctl_agent.simulated import zfsproperties
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.pools import Pool, pool_of
from offctl_agent.simulated.result import CommandError

USAGE = 2
_LIST = ("name", "used", "avail", "refer", "mountpoint")
_GET = ("name", "property", "value", "source")
_FLAGS = frozenset("Hpr")


def listed(machine: Machine, argv: list[str]) -> str:
    """`zfs list [-Hpr] [-o columns] [-t type] [NAME...]`."""
    flags, values, names = _parsed(argv)
    columns = values.get("o", ",".join(_LIST)).split(",")
    rows = [
        [_column(machine, pool, name, column) for column in columns]
        for pool, name in _chosen(machine, names, recursive="r" in flags or not names)
        if values.get("t", "filesystem") in ("all", "filesystem", pool.datasets[name].kind)
    ]
    header = [column.upper() for column in columns]
    return _table(rows if "H" in flags else [header, *rows], tabs="H" in flags)


def get(machine: Machine, argv: list[str]) -> str:
    """`zfs get [-Hpr] [-o columns] PROPERTY[,...]|all [NAME...]`."""
    flags, values, rest = _parsed(argv)
    if not rest:
        raise CommandError("missing property argument", USAGE)
    columns = values.get("o", ",".join(_GET)).split(",")
    rows = []
    for pool, name in _chosen(machine, rest[1:], recursive="r" in flags or not rest[1:]):
        for key, found in _properties(pool, name, rest[0]):
            cells = {"name": name, "property": key, "value": found.value, "source": found.source}
            rows.append([cells.get(column, "-") for column in columns])
    header = [column.upper() for column in columns]
    return _table(rows if "H" in flags else [header, *rows], tabs="H" in flags)


def mounted(machine: Machine) -> str:
    """`zfs mount`: name and path of everything mounted, hidden or not."""
    table = machine.mounts()
    named = [(machine.dataset_name(m.guid), m.path) for m in table.mounts]
    return "".join(f"{name:<31}  {path}\n" for name, path in named if name)


def _parsed(argv: list[str]) -> tuple[set[str], dict[str, str], list[str]]:
    flags: set[str] = set()
    values: dict[str, str] = {}
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        if not word.startswith("-") or rest:
            rest.append(word)
        elif word in ("-o", "-t", "-s"):
            values[word[1]] = next(words, "")
        elif set(word[1:]) <= _FLAGS:
            flags.update(word[1:])
        else:
            raise CommandError(f"invalid option '{word[1:]}'", USAGE)
    return flags, values, rest


def _chosen(machine: Machine, names: list[str], *, recursive: bool) -> Iterable[tuple[Pool, str]]:
    imported = machine.pools()
    if not names:
        names = sorted(imported)
    for wanted in names:
        pool = imported.get(pool_of(wanted))
        if pool is None or wanted not in pool.datasets:
            raise CommandError(f"cannot open '{wanted}': dataset does not exist")
        for name in sorted(pool.datasets):
            if name == wanted or (recursive and name.startswith(f"{wanted}/")):
                yield pool, name


def _properties(pool: Pool, name: str, wanted: str) -> list[tuple[str, Property]]:
    if wanted == "all":
        return list(zfsproperties.every(pool, name))
    found = []
    for key in wanted.split(","):
        full = properties.ALIASES.get(key, key)
        known = full in zfsproperties.DEFAULTS or full == "mountpoint"
        if not known and not zfsproperties.is_user(full):
            raise CommandError(f"bad property list: invalid property '{key}'", USAGE)
        found.append((full, zfsproperties.get(pool, name, full)))
    return found


def _column(machine: Machine, pool: Pool, name: str, column: str) -> str:
    dataset = pool.datasets[name]
    match column:
        case "name":
            return name
        case "type":
            return dataset.kind
        case "mounted":
            return "yes" if machine.mounts().of(dataset.guid) else "no"
        case "avail" | "available":
            return str(pool.free)
        case "used" | "refer" | "referenced":
            return "98304"
        case _:
            return _properties(pool, name, column)[0][1].value


def _table(rows: list[list[str]], *, tabs: bool) -> str:
    if tabs or not rows:
        return "".join("\t".join(row) + "\n" for row in rows)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "".join(
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() + "\n"
        for row in rows
    )
