"""`agent.toml`: which host this is, where its coordinators are, and where its files live.

Every path can be moved, so that the whole program runs below a temporary directory. The courier
reads the same file; nothing secret stands in it.
"""

from dataclasses import dataclass
from pathlib import Path
import re

from offctl import files, toml
from offctl.desired import names

DEFAULT = Path("/etc/offctl/agent.toml")
MAX_CONFIG = 64 * 1024
DEFAULT_INTERVAL = 60
# node_exporter reads no other names.
METRICS = re.compile(r"[^\0]*[^\0/]\.prom")
ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253}):[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one host. `interval` is in seconds; `simulated` is a directory or None.

    `metrics` is the file for node_exporter, or None.
    """

    host: str
    coordinators: tuple[str, ...]
    interval: int
    state: Path
    runtime: Path
    trust: Path
    certificate: Path
    certificate_key: Path
    tunnel_key: Path
    simulated: Path | None = None
    metrics: Path | None = None

    @property
    def inbox(self) -> Path:
        """Written by the courier, read by the agent, which trusts nothing in it."""
        return self.state / "inbox"

    @property
    def outbox(self) -> Path:
        """Written by the agent, read by the courier."""
        return self.state / "outbox"

    @property
    def agent_state(self) -> Path:
        """The agent's own: kept release, ledger, journal, debts."""
        return self.state / "agent"

    @property
    def courier_state(self) -> Path:
        """The courier's own: what it delivered last."""
        return self.state / "courier"


def load(path: Path) -> Config:
    """Read the file; raises AdminError when it cannot be read, MalformedError when it is wrong."""
    table = toml.parse(files.require(path, limit=MAX_CONFIG), what=str(path), limit=MAX_CONFIG)
    base = path.parent

    def located(key: str, default: str) -> Path:
        return base / table.string(key, default)

    simulated, metrics = table.string("simulated", ""), table.matching("metrics", METRICS, "")
    config = Config(
        host=table.matching("host", names.NAME),
        coordinators=tuple(
            names.checked(text, ADDRESS, "coordinator address")
            for text in table.strings("coordinators")
        ),
        interval=table.integer("interval", DEFAULT_INTERVAL, least=1, most=86_400),
        state=located("state", "/var/lib/offctl"),
        runtime=located("runtime", "/run/offctl"),
        trust=located("trust", "trust.toml"),
        certificate=located("certificate", "host.cert.pem"),
        certificate_key=located("certificate_key", "host.key.pem"),
        tunnel_key=located("tunnel_key", "tunnel.key.pem"),
        simulated=base / simulated if simulated else None,
        metrics=base / metrics if metrics else None,
    )
    table.finish()
    return config
