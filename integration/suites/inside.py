"""Running tests of ours inside a guest, where the kernel, the pools and the containers are.

This tree and pytest (which guests do not have) are put there. What pytest said, with the time of
every test, is kept in build/integration-logs/inside, whether it failed or was given up. What is in
the variable INSIDE are more words for it: `INSIDE="-x -k idmap"`.
"""

from importlib import metadata
import io
import os
from pathlib import Path
import tarfile
from typing import Protocol

from integration.suites import stock

ROOT = Path(__file__).resolve().parents[2]
PLACE = "/root/inside"
ARCHIVE = "/root/inside.tar"
FOLDERS = (
    *("agent", "benchmarks", "common", "tests"),
    *("integration/inside", "integration/pct", "integration/pve"),
)
NEEDED = ("pytest", "pluggy", "iniconfig", "packaging")
SOURCES = ("agent", "common", ".", "tests", "needed")
SAID = "/root/inside.log"
MORE = "INSIDE"
# Interrupted, pytest still says what failed and what took how long; killed, it would say nothing.
COMMAND = (
    "cd {place} && PYTHONUNBUFFERED=1 PYTHONPATH={path} timeout -s INT -k 30 {seconds} "
    "{command} >{said} 2>&1"
)
TESTS = (
    "python3 -m pytest -v -p no:cacheprovider -c /dev/null --rootdir {place} "
    "--import-mode=importlib --tb=short --durations=0 --durations-min=0.5 {tests} {more}"
)


class Done(Protocol):
    """What became of a command."""

    @property
    def code(self) -> int: ...

    @property
    def stdout(self) -> str: ...


class Guest(Protocol):
    """What is asked of a machine."""

    def run(self, *argv: str, check: bool = ..., timeout: float = ...) -> Done: ...

    def put(self, path: str, data: bytes) -> None: ...

    def get(self, path: str) -> bytes: ...


def bring(machine: Guest) -> None:
    """Put everything into a guest."""
    machine.put(ARCHIVE, _packed())
    machine.run("mkdir", "-p", PLACE)
    machine.run("tar", "-C", PLACE, "-xf", ARCHIVE)


def passes(machine: Guest, tests: str, *, seconds: int) -> None:
    """Run tests in a guest; raises AssertionError with what pytest said when one fails."""
    path = tuple(f"{PLACE}/{source}" for source in SOURCES)
    name = tests.split()[0].rpartition("/")[2].partition(".")[0]
    command = TESTS.format(place=PLACE, tests=tests, more=os.environ.get(MORE, ""))
    says(machine, command, name=name, path=path, seconds=seconds)


def says(machine: Guest, command: str, *, name: str, path: tuple[str, ...], seconds: int) -> str:
    """Run a command in a guest, and what it said, kept as `name`.

    Raises AssertionError with that when it fails.
    """
    words = COMMAND.format(
        place=PLACE, path=":".join(path), seconds=seconds, command=command, said=SAID
    )
    done = machine.run("sh", "-c", words, check=False, timeout=seconds + 60)
    said = machine.get(SAID).decode(errors="replace")
    kept = stock.LOGS / "inside" / f"{name}.log"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(said)
    assert done.code == 0, f"status {done.code}; all of it is in {kept}\n{said[-20_000:]}"
    return said


def _packed() -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for folder in FOLDERS:
            for path in sorted((ROOT / folder).rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    tar.add(path, str(path.relative_to(ROOT)), recursive=False)
        for name in NEEDED:
            for file in metadata.files(name) or ():
                if ".." not in file.parts and "__pycache__" not in file.parts:
                    tar.add(str(file.locate()), f"needed/{file}", recursive=False)
    return archive.getvalue()
