"""What is not taken over, each with the reason; and what somebody should look at."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Left:
    """Something of the host that the text does not speak of; a `hazard` can hurt as it is.

    `unread`: nobody knows what is there; `absent`: it was asked for, and is not there.
    """

    what: str
    reason: str
    hazard: bool = False
    unread: bool = False
    absent: bool = False


@dataclass(slots=True)
class Lefts:
    """Collects them; the same is told once."""

    found: dict[Left, None] = field(default_factory=dict)

    def leave(self, what: str, reason: str) -> None:
        self.found.setdefault(Left(what, reason))

    def hazard(self, what: str, reason: str) -> None:
        self.found.setdefault(Left(what, reason, hazard=True))

    def unread(self, what: str, reason: str) -> None:
        said = f"it cannot be read: {reason}"
        self.found.setdefault(Left(what, said, hazard=True, unread=True))

    def absent(self, what: str) -> None:
        self.found.setdefault(Left(what, "there is none on this host", hazard=True, absent=True))

    def all(self) -> tuple[Left, ...]:
        """In the order they were found; first what nobody knows, then what can hurt."""
        return tuple(sorted(self.found, key=lambda left: (not left.unread, not left.hazard)))
