"""The one place where a simulated host's programs are called, by people and by the agent alike."""

from collections.abc import Callable, Sequence
import contextlib
import time

from offctl.errors import OffctlError
from offctl_agent.simulated import directoryworld, pct, probes, records, zfs
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.result import Result

NOT_FOUND = 127
KILLED = 137

Sleep = Callable[[float], None]


def run(machine: Machine, argv: Sequence[str], *, sleep: Sleep = time.sleep) -> Result:
    """Run `pct …` or `zfs …` with whatever faults the host has; one command at a time."""
    words = tuple(argv)
    try:
        return _run(machine, words, sleep)
    except OffctlError as error:  # the simulated host's own files are damaged
        return Result(1, stderr=f"{error}\n")


def _run(machine: Machine, words: tuple[str, ...], sleep: Sleep) -> Result:
    broken = machine.faults()
    if hang := broken.hang(words):
        sleep(hang.seconds)
        return Result(KILLED, timed_out=True)
    failure = broken.failure(words)
    if failure is not None and not failure.after:
        return Result(failure.code, stderr=failure.stderr + "\n")
    with machine.store.locked():
        result = _call(machine, words)
        # What has been done is done, noted or not.
        with contextlib.suppress(OffctlError):
            if not result.code:
                records.record(machine, words)
    if failure is not None:
        return Result(failure.code, result.stdout, result.stderr + failure.stderr + "\n")
    return result


def _call(machine: Machine, words: tuple[str, ...]) -> Result:
    match words[:1]:
        case ("pct",) if words[1:2] == ("exec",) and words[3:4] == ("--",):
            return probes.run(machine, int(words[2]))
        case ("pct",):
            return pct.run(directoryworld.world(machine), words[1:])
        case ("zfs",):
            return zfs.run(machine, words[1:])
        case _:
            return Result(NOT_FOUND, stderr=f"{words[0] if words else ''}: command not found\n")
