"""Taking quorum, or /etc/pve itself, away from a guest, and giving it back."""

from collections.abc import Iterator
import contextlib
from pathlib import Path

from integration.pct import etcpve, programs

ASIDE = etcpve.ROOT / ".local.aside"


def lose() -> None:
    """Without quorum the write bits are gone, as on pmxcfs, and nobody can write, not even root."""
    _folder().chmod(0o550)
    programs.run(["chattr", "+i", str(_folder())])


def regain() -> None:
    """Quorum is there again."""
    programs.run(["chattr", "-i", str(_folder())])
    _folder().chmod(0o755)


def unmount() -> None:
    """/etc/pve without what tells that it is there."""
    (etcpve.ROOT / "local").rename(ASIDE)


def mount() -> None:
    """/etc/pve is there again."""
    ASIDE.rename(etcpve.ROOT / "local")


@contextlib.contextmanager
def lost() -> Iterator[None]:
    """For the time of one block."""
    lose()
    try:
        yield
    finally:
        regain()


@contextlib.contextmanager
def unmounted() -> Iterator[None]:
    """For the time of one block."""
    unmount()
    try:
        yield
    finally:
        mount()


def _folder() -> Path:
    return etcpve.ROOT / "nodes" / etcpve.EtcPve().node / "lxc"
