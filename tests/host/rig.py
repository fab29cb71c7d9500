"""What the contract needs of whoever offers a Host: an operator's hands on the same host."""

from typing import Protocol

from offctl_agent.host.protocol import Host


class Rig(Protocol):
    """A host with one empty pool, a storage for volumes, and a person who can reach it.

    `pool` is the pool's name, `storage` a PVE storage; the node's containers begin empty and root
    may map 100000:65536.
    """

    @property
    def host(self) -> Host: ...

    @property
    def pool(self) -> str: ...

    @property
    def storage(self) -> str: ...

    def run(self, *argv: str) -> int:
        """Run pct or zfs as an operator; gives the exit status."""
        ...

    def read(self, number: int) -> bytes:
        """A container's configuration file."""
        ...

    def write(self, number: int, content: bytes, *, node: str = "", kind: str = "lxc") -> None:
        """Write a guest's file by hand, on this node or another."""
        ...

    def put(self, path: str, text: str) -> None:
        """Write a file at a host path, its directory made when missing."""
        ...

    def get(self, path: str) -> str | None:
        """The text of a file at a host path; None when there is none."""
        ...

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link at a host path."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file or an empty directory at a host path."""
        ...

    def damage(self, fault: str, value: str = "") -> None:
        """Break something until the test ends.

        Faults: no_quorum, pve_not_mounted, zfs_unreadable, pool_missing, pool_readonly; or
        `fails`, `fails_after`, `hangs` with the first words of a command as `value`.
        """
        ...

    def mend(self) -> None:
        """End every damage."""
        ...
