"""Which coordinator to speak with, and as whom: from flags, or from the operator's config.toml."""

from collections.abc import Callable
from dataclasses import dataclass
import os
from pathlib import Path
import re
from typing import Any, TypeVar

import click

from offctl import certificates, errors, files, toml
from offctl.tables import Table
from offctl.trust import root
from offctl.trust.root import TrustRoot

MAX_CONFIG = 64 * 1024
MAX_KEY = 16 * 1024
ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253}):[0-9]{1,5}")

_Command = TypeVar("_Command", bound=Callable[..., Any])
_NAMES = ("address", "trust", "certificate", "key")


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a coordinator is, the pinned certificates it may have, and our own; all PEM.

    `own_files` are the paths of our certificate and key, for a library that reads only files.
    `root` says whose signatures count. `others` are addresses to try, in this order, when nobody
    serves at `address`.
    """

    address: str
    coordinators: bytes
    certificate: bytes
    key: bytes
    own_files: tuple[Path, Path]
    root: TrustRoot
    others: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Connection({self.address!r})"


def options(command: _Command) -> _Command:
    """Give a click command the four options; it passes them on to `resolve`."""
    path = click.Path(path_type=Path)
    for option in (
        click.option("--key", type=path, help="Your own secret key."),
        click.option("--certificate", type=path, help="Your own certificate."),
        click.option("--trust", type=path, help="The trust root, which pins the coordinators."),
        click.option("--coordinator", "address", metavar="HOST:PORT", help="Where it listens."),
    ):
        command = option(command)
    return command


def resolve(
    address: str | None, trust: Path | None, certificate: Path | None, key: Path | None
) -> Connection:
    """Flags first, then `[coordinator]` of $OFFCTL_CONFIG or ~/.config/offctl/config.toml.

    Raises AdminError for what is missing or cannot be read, MalformedError for what is wrong.
    """
    configured, several = _configured(_config_path())
    others = () if address else several[1:]
    settings = {
        "address": address or configured.get("address", "") or next(iter(several), ""),
        "trust": str(trust or configured.get("trust", "")),
        "certificate": str(certificate or configured.get("certificate", "")),
        "key": str(key or configured.get("key", "")),
    }
    for name, value in settings.items():
        if not value:
            flag = "coordinator" if name == "address" else name
            raise errors.AdminError(
                f"cannot connect to the coordinator: no {name} is set",
                hint=f"give --{flag}, or set `{name}` below [coordinator] in {_config_path()}",
            )
    for each in (settings["address"], *others):
        if not ADDRESS.fullmatch(each):
            raise errors.AdminError(f"cannot connect to {each!r}: not of the form HOST:PORT")
    trusted = _trusted(Path(settings["trust"]))
    own = files.require(Path(settings["certificate"]), limit=certificates.MAX_CERTIFICATE)
    return Connection(
        address=settings["address"],
        coordinators="".join(pem for _, pem in trusted.coordinators).encode(),
        certificate=certificates.check(own).encode(),
        key=files.require(Path(settings["key"]), limit=MAX_KEY),
        own_files=(Path(settings["certificate"]), Path(settings["key"])),
        root=trusted,
        others=others,
    )


def _trusted(path: Path) -> TrustRoot:
    trust = root.parse(files.require(path, limit=root.MAX_TRUST_ROOT))
    if not trust.coordinators:
        raise errors.AdminError(
            f"cannot connect to a coordinator: trust root {path} names none",
            hint="add the lines that `offctl-coordinator init` printed",
        )
    return trust


def _config_path() -> Path:
    chosen = os.environ.get("OFFCTL_CONFIG")
    return Path(chosen) if chosen else Path.home() / ".config" / "offctl" / "config.toml"


def _configured(path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """What the file says: one value for each name, and `addresses`, which stands for `address`."""
    content = files.read(path, limit=MAX_CONFIG)
    if content is None:
        return {}, ()
    table = toml.parse(content, what=str(path), limit=MAX_CONFIG)
    coordinator = table.optional_table("coordinator") or Table({}, str(path))
    table.finish()
    found = {name: coordinator.string(name) for name in _NAMES if coordinator.has(name)}
    several = coordinator.strings("addresses") if coordinator.has("addresses") else ()
    coordinator.finish()
    if several and "address" in found:
        raise errors.MalformedError(f"cannot read {path}: it has both `address` and `addresses`")
    # Relative paths start at the file's own directory.
    return {
        name: value if name == "address" else str(path.parent / Path(value).expanduser())
        for name, value in found.items()
    }, several
