"""Runs of the agent on this host, each of which is killed at a step, until one is not.

python3 -m integration.inside.dying [COUNT]: of the installed agent, before and after every single
step, or the first COUNT times.
A step has been journaled when it is killed; what came of it has not.

Each life is a process of its own that knows nothing of the one before. It is forked from one that
has everything loaded: in an emulated guest starting Python takes longer than what is tried.
"""

from collections.abc import Callable
from datetime import datetime
import os
from pathlib import Path
import signal
import sys
import tempfile
import threading
import time
import traceback
import zlib

from integration.inside import forking
from offctl.desired.model import DesiredState
from offctl.observed import ObservedState
from offctl.planner.actions import Action
from offctl_agent import config as configs
from offctl_agent.agent import Agent, open_machine, utc_now
from offctl_agent.host.protocol import Host
from offctl_agent.host.traces import Traces

BEFORE, DURING, AFTER = "before", "during", "after"
# More deaths than there can be steps: nothing gets on.
MANY = 2000
# Tenths of a second into a step, when it takes so long: pct is at work by then, and outlives us.
MOMENTS = range(1, 16)

Fate = Callable[[Action], str]
Run = Callable[[Callable[[Host], Host]], None]


class Mortal:
    """A host on which whoever carries out a step may die of it."""

    def __init__(self, host: Host, fate: Fate) -> None:
        self._host = host
        self._fate = fate

    def observe(self, desired: DesiredState) -> ObservedState:
        return self._host.observe(desired)

    def probe(self, number: int, command: tuple[str, ...]) -> str:
        return self._host.probe(number, command)

    def traces(self, after: datetime, *, tasks: bool, pools: tuple[str, ...]) -> Traces:
        return self._host.traces(after, tasks=tasks, pools=pools)

    def execute(self, action: Action) -> None:
        way = self._fate(action)
        if way == BEFORE:
            _die()
        if way == DURING:
            # Another moment for each step, the same one whenever this is run.
            moment = MOMENTS[_number(action) % len(MOMENTS)] / 10
            threading.Timer(moment, _die).start()
        try:
            self._host.execute(action)
        finally:
            if way == DURING:
                # It was quick; not even its outcome is noted.
                signal.pause()
        if way == AFTER:
            _die()


def timed() -> Callable[[str], None]:
    """Prints what it is told, with the seconds since now."""
    begun = time.monotonic()
    return lambda told: print(f"{time.monotonic() - begun:.1f} {told}", flush=True)


def deaths(
    run: Run,
    key: Callable[[Action], str],
    ways: tuple[str, ...],
    *,
    tell: Callable[[str], None],
    at_most: int = MANY,
) -> list[str]:
    """Die once in each way of each step, or of all steps with the same `key`; what was died of.

    `run` is one whole run on the host that the function it is given makes of one; `tell` hears of
    each death. The last life ends by itself, without an error.
    """
    died: list[str] = []
    for _ in range(MANY):
        told = _one_life(run, key, ways if len(died) < at_most else (), died)
        if not told:
            return died
        died.append(told)
        tell(told)
    raise AssertionError(f"still dying: {died[-3:]}")


def label(action: Action) -> str:
    """The kind of an action, what it is about, and which of several about the same it is."""
    about = [getattr(action, name, "") for name in ("id", "name", "dataset", "path", "instance")]
    words = [type(action).__name__, *(str(word) for word in about if word)]
    return " ".join([*words, f"{_number(action):08x}"])


def kind(action: Action) -> str:
    """The kind alone."""
    return type(action).__name__


def _number(action: Action) -> int:
    return zlib.crc32(repr(action).encode())


def _one_life(
    run: Run, key: Callable[[Action], str], ways: tuple[str, ...], died: list[str]
) -> str:
    """One run in a process of its own; what it died of, empty when it lived."""
    read, write = os.pipe()

    def fate(action: Action) -> str:
        for way in ways:
            told = f"{way} {key(action)}"
            if told not in died:
                os.write(write, told.encode())
                return way
        return ""

    child = os.fork()
    if child == 0:
        status = 1
        try:
            run(lambda host: Mortal(host, fate))
            status = 0
        except BaseException:  # noqa: BLE001 - the process ends here
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = pipe.read()
    _, ended = os.waitpid(child, 0)
    if os.WIFSIGNALED(ended):
        return told
    assert ended == 0, "the run failed"
    return ""


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _agent(made_mortal: Callable[[Host], Host]) -> Agent:
    config = configs.load(configs.DEFAULT)
    host, floors = open_machine(config)
    return Agent(config, made_mortal(host), utc_now, floors)


def _installed(made_mortal: Callable[[Host], Host]) -> None:
    agent = _agent(made_mortal)
    agent.prepare()
    agent.run()


def main() -> int:
    """Die at every step there is; print what was died of, and when."""
    at_most = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    # It writes nothing, and whatever is imported late has been.
    _agent(lambda host: host).preview()
    tell = timed()
    with tempfile.TemporaryDirectory() as home, forking.served(Path(home)):
        deaths(_installed, label, (BEFORE, AFTER), at_most=at_most, tell=tell)
    tell("lived")
    return 0


if __name__ == "__main__":
    sys.exit(main())
