"""Taking quorum, or /etc/pve itself, away from a guest, and giving it back."""

from collections.abc import Iterator
import contextlib

from integration.pct import etcpve


@contextlib.contextmanager
def lost() -> Iterator[None]:
    """Without quorum the write bits are gone, as on pmxcfs (root has to look at them)."""
    folder = etcpve.ROOT / "nodes" / etcpve.EtcPve().node / "lxc"
    folder.chmod(0o550)
    try:
        yield
    finally:
        folder.chmod(0o755)


@contextlib.contextmanager
def not_mounted() -> Iterator[None]:
    """/etc/pve without what tells that it is there."""
    local, aside = etcpve.ROOT / "local", etcpve.ROOT / ".local.aside"
    local.rename(aside)
    try:
        yield
    finally:
        aside.rename(local)
