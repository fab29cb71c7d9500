"""What a program does when whoever reads its output has gone away."""

import os
import signal
import sys


def end_with_reader() -> None:
    """End as other Unix programs do: silently, by SIGPIPE. For what only looks and tells."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def say(line: str) -> None:
    """Print a line now; when nobody reads any more, this and all that follows is said to nobody.

    For what must go on to its end whether or not somebody listens.
    """
    try:
        print(line, flush=True)  # noqa: T201
    except BrokenPipeError:
        nobody = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nobody, sys.stdout.fileno())
        os.close(nobody)
