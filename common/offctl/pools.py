"""One pool as a host reports it, and how full it is. Pure."""

from dataclasses import dataclass

_GIB, _TIB = 1 << 30, 1 << 40


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """One pool of the host, managed or not; `health` is the kernel's word (ONLINE, DEGRADED, ...).

    `used` and `free` are bytes, both 0 for a pool that cannot be read. `snapshots` is when one was
    last taken or removed, UTC as RFC 3339; empty when none ever was, or ZFS does not say.
    """

    pool: str
    health: str
    used: int
    free: int
    snapshots: str

    @property
    def used_of_hundred(self) -> int:
        """How full it is, never rounded up; 0 when that is not known."""
        whole = self.used + self.free
        return self.used * 100 // whole if whole else 0


def size(number: int) -> str:
    """Bytes of a pool for people."""
    unit, word = (_TIB, "TiB") if number >= _TIB else (_GIB, "GiB")
    return f"{number / unit:.1f} {word}"
