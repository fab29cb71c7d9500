"""A pytest plugin: what the whole suite says goes past the canary, and what it leaves behind.

Overheard are reports of tests with what they printed and logged, what programs are started with and
what they print (also to the agent, through its own door), commands run in this process, errors
though they be caught, temporary directories before they go, and at the end every file below
pytest's own. The closing lines tell how much that was. A key of a tunnel anywhere in it is a
failure.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
import functools
import os
from pathlib import Path
import subprocess
import tempfile
import traceback
from typing import Any

from _pytest.terminal import TerminalReporter
from click.testing import CliRunner, Result
import pytest

import canary
from canary import CANARY
from offctl.errors import HostError, OffctlError
from offctl_agent.host.run import Finished

NOT_REPEATED = "a key of a tunnel is in what this test said (it is not repeated here)"
_COUNTED = ("looked", "files", "keys", "unread")
_TOTAL = pytest.StashKey[dict[str, int]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TOTAL] = dict.fromkeys(_COUNTED, 0)
    canary.watch()
    _before(subprocess.Popen, "__init__", _started)
    _after(subprocess.Popen, "communicate", _ended)
    _after(CliRunner, "invoke", _invoked)
    _after(pytest.CaptureFixture, "readouterr", _printed)
    _before(Finished, "__init__", _finished)
    _before(OffctlError, "__init__", _failed)
    _before(HostError, "__init__", _witnessed)
    _before(tempfile.TemporaryDirectory, "cleanup", _removed)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that prints, logs or fails with a key of a tunnel has failed."""
    del item, call
    report = yield
    told = "".join(content for _, content in report.sections) + report.longreprtext
    if CANARY.hear(told, "its output") or CANARY.seen:
        report.outcome = "failed"
        report.sections = []
        report.longrepr = f"{NOT_REPEATED}: {', '.join(CANARY.seen)}"
        CANARY.seen.clear()
    return report


@pytest.fixture(scope="session", autouse=True)
def looked_through(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Comes first, so that it ends last: every file that is left has been written."""
    directory = tmp_path_factory.getbasetemp()
    yield
    search(directory)


def search(directory: Path) -> None:
    """Look through all that is below a directory, and fail for what should not be there."""
    CANARY.learn(directory)
    CANARY.look(directory)
    seen, CANARY.seen = CANARY.seen, []
    if seen:
        pytest.fail("a key of a tunnel is in " + ", ".join(seen), pytrace=False)


def pytest_sessionfinish(session: pytest.Session) -> None:
    counted = {
        "looked": CANARY.looked,
        "files": CANARY.files,
        "keys": len(CANARY.keys),
        "unread": len(CANARY.unread),
    }
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["canary"] = counted
    else:
        _add(session.config, counted)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a worker has counted."""
    _add(node.config, getattr(node, "workeroutput", {}).get("canary", {}))


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    total = config.stash[_TOTAL]
    unread = f", {total['unread']:,} could not be read" if total["unread"] else ""
    terminalreporter.write_line(
        f"canary: {total['looked']:,} bytes looked through for {total['keys']:,} keys of tunnels"
        f" ({total['files']:,} files{unread})"
    )


def _add(config: pytest.Config, counted: dict[str, int]) -> None:
    for name, number in counted.items():
        config.stash[_TOTAL][name] += number


def _before(owner: type, name: str, hear: Callable[..., None]) -> None:
    """Hear what a method is called with, before it is."""
    method = getattr(owner, name)

    @functools.wraps(method)
    def tapped(self: Any, *words: Any, **named: Any) -> Any:
        hear(self, *words, **named)
        return method(self, *words, **named)

    setattr(owner, name, tapped)


def _after(owner: type, name: str, hear: Callable[[Any], None]) -> None:
    """Hear what a method gives."""
    method = getattr(owner, name)

    @functools.wraps(method)
    def tapped(self: Any, *words: Any, **named: Any) -> Any:
        result = method(self, *words, **named)
        hear(result)
        return result

    setattr(owner, name, tapped)


def _hear(said: Iterable[object], where: str) -> None:
    for each in said:
        if isinstance(each, str | bytes):
            CANARY.hear(each, where)


def _started(_: object, argv: Any, *__: object, **options: Any) -> None:
    words = [argv] if isinstance(argv, str | bytes) else [os.fspath(word) for word in argv]
    _hear(words, "an argument of a program")
    _hear((options.get("env") or {}).values(), "the environment of a program")


def _ended(said: tuple[object, object]) -> None:
    _hear(said, "what a program printed")


def _finished(_: object, __: object, ___: object, stdout: bytes, stderr: str) -> None:
    _hear((stdout, stderr), "what a program printed")


def _invoked(result: Result) -> None:
    raised = "".join(traceback.format_exception(result.exception)) if result.exception else ""
    _hear((result.output, raised), "what a command printed")


def _printed(said: tuple[object, object]) -> None:
    _hear(said, "what was printed")


def _failed(_: object, message: str, *, hint: str = "", code: str = "") -> None:
    _hear((message, hint, code), "an error")


def _witnessed(_: object, *__: object, evidence: object = "", **___: object) -> None:
    _hear((evidence,), "what an error keeps of a program")


def _removed(directory: tempfile.TemporaryDirectory[str]) -> None:
    CANARY.learn(Path(directory.name))
    CANARY.look(Path(directory.name))
