"""A sign of life on a terminal while something takes more than a second; nothing anywhere else."""

from collections.abc import Iterator
import contextlib
import os
import sys
import threading
import time

AFTER = 1.0
_ERASE = "\r\x1b[K"

_one = threading.Lock()  # what goes on within something else is not told of
_line = threading.Lock()


@contextlib.contextmanager
def shown(what: str) -> Iterator[None]:
    """Say on standard error what is being waited for, and for how long; gone when it is over."""
    told = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    if not told or not _one.acquire(blocking=False):
        yield
        return
    over = threading.Event()
    teller = threading.Thread(target=_tell, args=(what, over), daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
        _one.release()


def clear() -> None:
    """Make room for a line of output; the sign comes back a second later."""
    if _one.locked():
        _write("")


def _tell(what: str, over: threading.Event) -> None:
    began, told = time.monotonic(), False
    while not over.wait(AFTER):
        _write(f"{what}: {int(time.monotonic() - began)} s")
        told = True
    if told:
        _write("")


def _write(text: str) -> None:
    with _line, contextlib.suppress(OSError, ValueError):  # nobody looks any more
        sys.stderr.write(_ERASE + text)
        sys.stderr.flush()
