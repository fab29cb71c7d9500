"""What every test has: logging as before, and a canary in what it prints."""

from collections.abc import Generator, Iterator
import logging
import signal

import pytest

import canary

canary.watch()


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that prints, logs or fails with a key of a tunnel has failed."""
    del item, call
    report = yield
    told = "".join(content for _, content in report.sections) + report.longreprtext
    if canary.seen_in(told):
        report.outcome = "failed"
        report.sections = []
        report.longrepr = "a key of a tunnel is in what this test said (it is not repeated here)"
    return report
