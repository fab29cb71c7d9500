"""Running a simulated program in a process of its own, as the real ones are.

When somebody kills the agent, a real `pct` or `zfs` that it started goes on to its end. A simulated
one must too, or `kill -9` of the agent would do what only `kill -9` of pct does.
"""

from collections.abc import Callable
import multiprocessing
from multiprocessing.connection import Connection
import os

from offctl.errors import AdminError
from offctl_agent.simulated.result import Result

_FORK = multiprocessing.get_context("fork")


def run(program: Callable[[], Result]) -> Result:
    """Call `program` in a child process, which outlives us if need be; raises AdminError."""
    receive, send = _FORK.Pipe(duplex=False)
    child = _FORK.Process(target=_child, args=(program, send))
    child.start()
    send.close()
    try:
        with receive:
            result = receive.recv()
    except EOFError:
        raise AdminError("cannot run a simulated program: it was killed") from None
    finally:
        child.join()
    assert isinstance(result, Result)
    return result


def _child(program: Callable[[], Result], send: Connection) -> None:
    os.setsid()
    # A forked child holds its parent's locks too; an executed program would not (close-on-exec).
    os.closerange(3, send.fileno())
    os.closerange(send.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    with send:
        send.send(program())
