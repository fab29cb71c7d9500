"""An agent that is a process of its own and is killed: its places and its disk belong to the test.

Every call of a place, and every file it is about to write or remove, is asked of the test, which
answers, or kills it with SIGKILL instead: so between any two steps, with nothing of its own undone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import connection
import os
from pathlib import Path
import signal
from typing import Any

from offctl import files
from offctl_agent.host.stunnel.seat import Seat

Send = Callable[[str, tuple[Any, ...]], Any]


@dataclass(frozen=True)
class _Asking:
    """A place as the agent sees it."""

    send: Send
    directory: str

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments: self.send(name, arguments)


def killed_at(step: int, place: Seat, work: Callable[[Seat], None]) -> str:
    """Run `work` in an agent of its own and kill it before its `step`th step, counted from 1.

    Gives the step's name; "" when it came to its end before that.
    """
    here, there = connection.Pipe()
    agent = os.fork()
    if agent == 0:
        _work(there, place, work)
    there.close()
    try:
        for number in range(1, step + 1):
            try:
                name, arguments = here.recv()
            except EOFError:
                return ""
            if number == step:
                os.kill(agent, signal.SIGKILL)
                return str(name)
            here.send(_answer(place, name, arguments))
    finally:
        here.close()
        _, status = os.waitpid(agent, 0)
    raise AssertionError(status)


def _answer(place: Seat, name: str, arguments: tuple[Any, ...]) -> Any:
    if name.startswith("file "):
        return None
    return getattr(place, name)(*arguments)


def _work(there: connection.Connection, place: Seat, work: Callable[[Seat], None]) -> None:
    status = 1
    try:

        def send(name: str, arguments: tuple[Any, ...]) -> Any:
            there.send((name, tuple(list(a) if not isinstance(a, str | float) else a
                                    for a in arguments)))  # fmt: skip
            return there.recv()

        for each in ("write", "remove"):
            setattr(files, each, _told(each, getattr(files, each), send))
        work(_Asking(send, place.directory))
        status = 0
    finally:
        os._exit(status)


def _told(name: str, act: Callable[..., Any], send: Send) -> Callable[..., Any]:
    def told(path: Path, *arguments: Any, **options: Any) -> Any:
        send(f"file {name} {path.name}", ())
        return act(path, *arguments, **options)

    return told
