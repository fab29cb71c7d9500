"""Turning a machine of the rig into a Proxmox VE host, from the machine that runs the tests.

`install` is the same for every host and slow: let a saved state hold it. `lay_out` is each host's.
"""

from collections.abc import Mapping
import io
from pathlib import Path
import tarfile
from typing import Protocol

ROOT = Path(__file__).resolve().parents[2]
PLACE = "/usr/local/lib/offctl-tests"
ARCHIVE = "/root/offctl-tests.tar"
TEMPLATE = "local:vztmpl/debian-12-tiny_12.5-1_amd64.tar.gz"
BRIDGES = {"vmbr0": "10.77.0.1/24", "vmbr1": "10.78.0.1/24"}
_OURS = ("integration/pct", "integration/pve")
_PRODUCT = ("agent/offctl_agent", "common/offctl")


class Guest(Protocol):
    """What is asked of a machine."""

    def run(self, *argv: str, timeout: float = ...) -> object:
        """Run a program to its end; a failure is an exception."""
        ...

    def put(self, path: str, data: bytes) -> None:
        """Write a file."""
        ...


def parts() -> tuple[Path, ...]:
    """The files a saved state depends on."""
    folders = (ROOT / name for name in (*_OURS, *_PRODUCT))
    return tuple(path for folder in folders for path in sorted(folder.rglob("*")) if _wanted(path))


def install(
    machine: Guest, bridges: Mapping[str, str] | None = None, *, product: bool = True
) -> None:
    """Put pct and what belongs to it into a machine.

    Without `product` the installed packages are used, else this tree's own modules come along.
    """
    folders = (*_OURS, *_PRODUCT) if product else _OURS
    machine.put(ARCHIVE, _packed(folders))
    machine.run("mkdir", "-p", PLACE)
    machine.run("tar", "-C", PLACE, "-xf", ARCHIVE)
    # Once, not at the first start of a container, where a test may count seconds.
    machine.run("python3", "-m", "compileall", "-q", PLACE, timeout=300)
    named = BRIDGES if bridges is None else bridges
    words = [word for pair in named.items() for word in ("--bridge", "=".join(pair))]
    _step(machine, "install", *words)


def lay_out(
    machine: Guest, node: str, pools: Mapping[str, str], storages: Mapping[str, str]
) -> None:
    """Make pools (by the disk of each) and storages (by the dataset of each): an empty host."""
    for pool, disk in pools.items():
        machine.run("zpool", "create", pool, disk)
    words = [word for pair in storages.items() for word in ("--storage", "=".join(pair))]
    _step(machine, "host", "--node", node, *words)


def _step(machine: Guest, *argv: str) -> None:
    path = "PYTHONPATH=" + ":".join(
        ("/usr/share/offctl", f"{PLACE}/agent", f"{PLACE}/common", PLACE)
    )
    machine.run("env", path, "python3", "-m", "integration.pve", *argv, timeout=300)


def _packed(folders: tuple[str, ...]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for folder in folders:
            for path in sorted((ROOT / folder).rglob("*")):
                if _wanted(path):
                    tar.add(path, str(path.relative_to(ROOT)), recursive=False)
    return archive.getvalue()


def _wanted(path: Path) -> bool:
    generated = "__pycache__" in path.parts or "api" in path.relative_to(ROOT).parts
    return path.is_file() and not generated
