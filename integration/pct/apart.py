"""Doing something in a process of its own, where it may change its namespaces or its root."""

from collections.abc import Callable
import contextlib
import os
import signal

from offctl_agent.simulated.result import CommandError

MAX_WORDS = 1 << 20


def run(work: Callable[[], str]) -> str:
    """What `work` returns in a child. Raises the CommandError or OSError it raised there."""
    receive, send = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        _child(work, send)
    os.close(send)
    try:
        with open(receive, "rb") as file:  # noqa: PTH123
            said = file.read(MAX_WORDS)
    except BaseException:
        # An interrupted create takes what it started along.
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGTERM)
        raise
    finally:
        _, status = os.waitpid(child, 0)
    kind, _, text = said.decode(errors="replace").partition(" ")
    if kind == "done":
        return text
    if kind == "errno":
        number = int(text)
        raise OSError(number, os.strerror(number))
    if kind == "failed":
        code, _, message = text.partition(" ")
        raise CommandError(message, int(code))
    raise CommandError(f"a helper process ended with status {status}", 255)


def _child(work: Callable[[], str], send: int) -> None:
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        try:
            said = f"done {work()}"
        except CommandError as error:
            said = f"failed {error.code} {error.message}"
        except OSError as error:
            said = f"errno {error.errno}"
        os.write(send, said.encode(errors="replace")[:MAX_WORDS])
    finally:
        os._exit(0)
