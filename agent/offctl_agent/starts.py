"""How often in a row this agent was started and its first run never ended, and what to make of it.

A run that brings the agent down must not be tried every few seconds beside production. One such end
is excused (the power was cut); from the second on, the next run waits, twice as long each time.
"""

import contextlib
import logging
from pathlib import Path

from offctl import errors, files

logger = logging.getLogger(__name__)

# The longest wait, in intervals of the agent.
LONGEST = 8
MAX_SIZE = 16


class Starts:
    """The count, in a file of its own; what is not a number there counts as none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counted = False

    def begin(self) -> int:
        """Count this start, durably; returns how many before it, in a row, never ended a run.

        A disk that cannot be written is no reason not to look after the host.
        """
        try:
            content = files.read(self._path, limit=MAX_SIZE) or b""
            before = int(content) if content.isdigit() else 0
            files.write(self._path, str(before + 1).encode(), mode=files.PRIVATE)
        except errors.AdminError as error:
            logger.warning("cannot count this start: %s", error)
            return 0
        self._counted = True
        return before

    def ended(self) -> None:
        """A run has ended, however it went, or the agent was asked to stop."""
        if self._counted:
            with contextlib.suppress(errors.AdminError):
                files.remove(self._path)
            self._counted = False


def pause(unended: int, interval: float) -> float:
    """Seconds to wait before the first run."""
    return float(min(2 ** (min(unended, LONGEST) - 2), LONGEST) * interval) if unended > 1 else 0.0
