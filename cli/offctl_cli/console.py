"""What goes to the terminal when a command fails: what is wrong, and what to do."""

from offctl import errors, program
from offctl.text import visible


def say(error: errors.OffctlError) -> None:
    """Say what is wrong and what to do."""
    program.say("offctl", error)


__all__ = ["say", "visible"]
