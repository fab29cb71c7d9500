"""How actions call the programs of a real host; a status other than 0 is a HostError.

The time each gets is far above what it takes: it is there so that a command which never comes back
is noticed, not to hurry one along.
"""

from collections.abc import Callable, Mapping

from offctl.planner.commands import Command
from offctl_agent.host import failures, run

MINUTE = 60.0
# `pct create` unpacks a template; shutdown and reboot wait for what runs inside (twice, in PVE).
SECONDS: Mapping[tuple[str, ...], float] = {
    ("pct", "create"): 30 * MINUTE,
    ("pct", "exec"): 0.5 * MINUTE,
    ("pct", "reboot"): 15 * MINUTE,
    ("pct", "set"): 5 * MINUTE,
    ("pct", "shutdown"): 15 * MINUTE,
    ("pct", "start"): 5 * MINUTE,
}
OTHERS = 5 * MINUTE


def _silent() -> None:
    """No sign of life wanted."""


class Calls:
    """The door to programs; `programs` says where one stands that is not to be searched for."""

    def __init__(
        self,
        alive: Callable[[], None] = _silent,
        *,
        programs: Mapping[str, str] | None = None,
        seconds: Mapping[tuple[str, ...], float] = SECONDS,
        grace: float = run.GRACE,
    ) -> None:
        self._alive = alive
        self._programs = programs or {}
        self._seconds = seconds
        self._grace = grace

    def run(self, doing: str, argv: Command) -> None:
        """Run one command to its end. Raises HostError."""
        words = (self._programs.get(argv[0], argv[0]), *argv[1:])
        seconds = self._seconds.get(tuple(argv[:2]), OTHERS)
        done = run.run(words, timeout=seconds, alive=self._alive, grace=self._grace)
        if done.status:
            # What a task of PVE says comes on stdout, even its errors; the last word is on stderr.
            said = done.stdout.decode(errors="backslashreplace") + "\n" + done.stderr
            raise failures.failure(doing, argv, done.status, said)
