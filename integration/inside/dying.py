"""Runs of the installed agent on this host, each of which is killed at a step, until one is not.

python3 dying.py kinds|steps [LABEL ...]: kill -9 before, during and after the first step of every
kind and the steps named by a label, or (`steps`) before and after every single step. A step has
been journaled when it is killed, what came of it has not. Prints one line for each death.
"""

from collections.abc import Callable, Iterator
import os
from pathlib import Path
import random
import signal
import sys
import threading
import time

from offctl.desired.model import DesiredState
from offctl_agent import config as configs
from offctl_agent.agent import Agent, open_floors, open_host, utc_now
from offctl_agent.host.protocol import Host
from offctl_agent.observed import ObservedState
from offctl_agent.planner.actions import Action

WAYS = {"kinds": ("before", "during", "after"), "steps": ("before", "after")}
MANY = 2000
# A call that was begun ends or is given up; what it leaves behind is for the next run.
MOMENT = 1.5


class Mortal:
    """A host on which whoever carries out a step may die of it."""

    def __init__(self, host: Host, fate: Callable[[Action], str]) -> None:
        self._host = host
        self._fate = fate

    def observe(self, desired: DesiredState) -> ObservedState:
        return self._host.observe(desired)

    def execute(self, action: Action) -> None:
        way = self._fate(action)
        if way == "before":
            _die()
        if way == "during":
            threading.Timer(random.uniform(0, MOMENT), _die).start()
        self._host.execute(action)
        if way == "after":
            _die()
        if way == "during":
            time.sleep(2 * MOMENT)


def main() -> int:
    """Die as often as there is something to die at, then live; exit 0 when that run ended well."""
    mode, *named = sys.argv[1:]
    died: set[str] = set()
    for _ in range(MANY):
        told = _one_life(mode, named, died)
        if not told:
            return 0
        died.add(told)
        print(told, flush=True)
    print("still dying", flush=True)
    return 1


def _one_life(mode: str, named: list[str], died: set[str]) -> str:
    """One run in a process of its own; what it died of, empty when it lived."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(read)
            _run(mode, named, died, write)
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = pipe.read()
    _, ended = os.waitpid(child, 0)
    if not os.WIFSIGNALED(ended):
        assert ended == 0, "the run failed"
        return ""
    return told


def _run(mode: str, named: list[str], died: set[str], told: int) -> None:
    def fate(action: Action) -> str:
        for key in _keys(mode, named, action):
            for way in WAYS[mode]:
                if f"{way} {key}" not in died:
                    os.write(told, f"{way} {key}".encode())
                    return way
        return ""

    config = configs.load(configs.DEFAULT)
    agent = Agent(config, Mortal(open_host(config), fate), utc_now, open_floors(config))
    agent.prepare()
    agent.run()


def _keys(mode: str, named: list[str], action: Action) -> Iterator[str]:
    if mode == "kinds":
        yield type(action).__name__
    label = _label(action)
    if mode == "steps" or label in named:
        yield label


def _label(action: Action) -> str:
    """The kind of an action and what it is about."""
    about = [getattr(action, name, "") for name in ("id", "name", "dataset", "path")]
    return " ".join([type(action).__name__, *(str(word) for word in about if word)])


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    # Where the packages put what only their own programs import.
    assert Path("/usr/share/offctl").is_dir()
    sys.exit(main())
