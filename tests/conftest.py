"""What every test has: logging and signals as before, and a canary that hears all of it."""

from collections.abc import Iterator
import logging
import signal

import pytest

pytest_plugins = ("overhearing",)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Some tests set up logging as a service would; what was there before comes back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(autouse=True)
def sigpipe_as_before() -> Iterator[None]:
    """Some tests call a main that lets itself be ended by SIGPIPE; the next test must not be."""
    before = signal.getsignal(signal.SIGPIPE)
    yield
    signal.signal(signal.SIGPIPE, before)
