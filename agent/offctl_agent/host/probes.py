"""Asking a container whether it is well: a command inside, through the same door as every other."""

from typing import Protocol

from offctl import errors
from offctl.planner.commands import Command

MAX_SAID = 300


class Door(Protocol):
    """Whoever runs programs on the host, with a deadline."""

    def run(self, doing: str, argv: Command) -> object:
        """Run one command to its end. Raises HostError."""
        ...


def probe(door: Door, number: int, command: tuple[str, ...]) -> str:
    """Empty when the command exits 0 inside; else what it, or pct, said, bounded."""
    try:
        door.run(f"probe container {number}", ("pct", "exec", str(number), "--", *command))
    except errors.HostError as error:
        return f"{error}: {error.evidence}"[:MAX_SAID] if error.evidence else str(error)[:MAX_SAID]
    return ""
