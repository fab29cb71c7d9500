"""How the agent's actions call the programs of a simulated host: a failure is a HostError."""

import time

from offctl.planner.commands import Command
from offctl_agent.host import failures
from offctl_agent.simulated import apart, programs
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.programs import Sleep
from offctl_agent.simulated.result import Result


class Calls:
    """The door to `pct` and `zfs` for everything that carries out actions."""

    def __init__(
        self, machine: Machine, sleep: Sleep = time.sleep, *, outlive: bool = False
    ) -> None:
        """With `outlive` each program is a process of its own, which outlives a killed agent."""
        self._machine = machine
        self._sleep = sleep
        self._outlive = outlive

    def run(self, doing: str, argv: Command) -> None:
        """Run one command to its end. Raises HostError."""
        result = self._result(argv)
        if result.timed_out:
            hang = self._machine.faults().hang(argv)
            raise failures.timeout(doing, argv, hang.seconds if hang else 0)
        if result.code:
            # A task of pct says why on stdout, and on stderr only that it failed.
            said = result.stdout + result.stderr
            raise failures.failure(doing, argv, result.code, said)

    def _result(self, argv: Command) -> Result:
        def program() -> Result:
            return programs.run(self._machine, argv, sleep=self._sleep)

        return apart.run(program) if self._outlive else program()
