"""The terminal: how wide it is, and what goes to it when a command fails."""

import os
import sys
from typing import TYPE_CHECKING

from offctl import errors, program
from offctl.text import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_UNFOLDED = 1000
_HANGING = 2


def wide() -> "Console":
    """As wide as the terminal; in a pipe nothing is folded, so that one thing stays one line."""
    # Imported late: most commands print no table.
    from rich.console import Console

    told = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if told else _UNFOLDED, soft_wrap=False)


def hang(screen: "Console", line: "Text") -> None:
    """Print a line; where it is too long, the rest of it stands further in than its beginning."""
    from rich.padding import Padding

    plain = line.plain
    within = len(plain) - len(plain.lstrip(" "))
    if len(plain) <= screen.width:
        screen.print(line)
        return
    folded = line.wrap(screen, screen.width - within - _HANGING)
    first, rest = folded[0], folded[1:]
    screen.print(first)
    for each in rest:
        screen.print(Padding(each, (0, 0, 0, within + _HANGING), expand=False))


def say(error: errors.OffctlError) -> None:
    """Say what is wrong and what to do."""
    program.say("offctl", error)


__all__ = ["hang", "say", "visible", "wide"]
