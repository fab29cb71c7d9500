"""The pools of a simulated host: datasets with the properties that were set or received.

Inherited and default values are never stored; `zfsproperties` derives them as ZFS does.
"""

from dataclasses import asdict, dataclass, field

from offctl import errors
from offctl_agent.simulated.store import Store

FREE = 10 * 1024**4
DIRECTORY = "zfs"


@dataclass(slots=True)
class Dataset:
    """One dataset: `masked` are received properties that `zfs inherit` has put aside."""

    guid: str
    kind: str = "filesystem"
    local: dict[str, str] = field(default_factory=dict)
    received: dict[str, str] = field(default_factory=dict)
    masked: list[str] = field(default_factory=list)
    replica: bool = False


@dataclass(slots=True)
class Pool:
    """One pool and all its datasets by name; the pool's own is called as the pool.

    `snapshots` is when one was last taken or removed, in seconds since 1970; 0: never.
    """

    name: str
    free: int = FREE
    datasets: dict[str, Dataset] = field(default_factory=dict)
    used: int = 0
    snapshots: int = 0


def load(store: Store) -> dict[str, Pool]:
    """Every pool that was ever made here, imported or not. Raises MalformedError, AdminError."""
    found = {}
    for path in sorted(store.path(DIRECTORY).glob("*.json")):
        if not path.name.startswith("."):
            name = path.name.removesuffix(".json")
            found[name] = _pool(name, store.read_json(f"{DIRECTORY}/{path.name}"))
    return found


def save(store: Store, pool: Pool) -> None:
    """Write one pool, whole."""
    value = {
        "free": pool.free,
        "used": pool.used,
        "snapshots": pool.snapshots,
        "datasets": {name: asdict(dataset) for name, dataset in pool.datasets.items()},
    }
    store.write_json(f"{DIRECTORY}/{pool.name}.json", value)


def pool_of(name: str) -> str:
    """The pool a dataset name belongs to."""
    return name.split("/", 1)[0]


def parent_of(name: str) -> str:
    """The parent's name; empty for a pool."""
    return name.rpartition("/")[0]


def _pool(name: str, value: object) -> Pool:
    try:
        if not isinstance(value, dict):
            raise TypeError
        datasets = {key: Dataset(**entry) for key, entry in value["datasets"].items()}
        used, snapshots = int(value.get("used", 0)), int(value.get("snapshots", 0))
        return Pool(name, int(value["free"]), datasets, used, snapshots)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise errors.MalformedError(f"cannot read the simulated pool {name}") from None
