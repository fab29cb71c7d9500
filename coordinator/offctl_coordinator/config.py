"""`coordinator.toml`: where the coordinator listens and where its files lie; no secret in it."""

from dataclasses import dataclass
from pathlib import Path
import re

from offctl import files, toml
from offctl_coordinator.store.address import Address, is_address, parse_address

DEFAULT = Path("/etc/offctl/coordinator.toml")
DEFAULT_LISTEN = "[::]:7643"
MAX_CONFIG = 64 * 1024

_LISTEN = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253}):[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Config:
    """Relative paths in the file start at its own directory; an empty `metrics` is none.

    `state` is where lies what must outlast the database; `password` is the database's, in a file.
    """

    listen: str
    database: Path | Address
    state: Path
    trust: Path
    certificate: Path
    certificate_key: Path
    timestamp_key: Path
    metrics: str = ""
    password: Path | None = None


def load(path: Path) -> Config:
    """Read the file; raises AdminError when it cannot be read, MalformedError when it is wrong."""
    table = toml.parse(files.require(path, limit=MAX_CONFIG), what=str(path), limit=MAX_CONFIG)
    base = path.parent
    text = table.string("database", "coordinator.db")
    database = parse_address(text) if is_address(text) else base / text
    password = None
    if isinstance(database, Path):
        state = database.parent
    else:
        state = base / table.string("state")
        if table.has("database_password"):
            password = base / table.string("database_password")
    config = Config(
        listen=table.matching("listen", _LISTEN, DEFAULT_LISTEN),
        database=database,
        state=state,
        password=password,
        trust=base / table.string("trust", "trust.toml"),
        certificate=base / table.string("certificate", "server.cert.pem"),
        certificate_key=base / table.string("certificate_key", "server.key.pem"),
        timestamp_key=base / table.string("timestamp_key", "timestamp.key.pem"),
        metrics=table.matching("metrics", _LISTEN, ""),
    )
    table.finish()
    return config
