"""Running tests of ours inside a guest, where the kernel, the pools and the containers are.

This tree and pytest (which guests do not have) are put there; what pytest said comes back.
"""

from importlib import metadata
import io
from pathlib import Path
import tarfile
from typing import Protocol

from integration.suites import stock

ROOT = Path(__file__).resolve().parents[2]
PLACE = "/root/inside"
ARCHIVE = "/root/inside.tar"
FOLDERS = ("agent", "common", "tests", "integration/inside", "integration/pct", "integration/pve")
NEEDED = ("pytest", "pluggy", "iniconfig", "packaging")
SOURCES = ("agent", "common", ".", "tests", "needed")
COMMAND = (
    "cd {place} && PYTHONPATH={path} timeout {seconds} python3 -m pytest -q -p no:cacheprovider "
    "-c /dev/null --rootdir {place} --import-mode=importlib --tb=short "
    "-rP --durations=0 --durations-min=1 {tests} 2>&1"
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


def bring(machine: Guest) -> None:
    """Put everything into a guest."""
    machine.put(ARCHIVE, _packed())
    machine.run("mkdir", "-p", PLACE)
    machine.run("tar", "-C", PLACE, "-xf", ARCHIVE)


def passes(machine: Guest, tests: str, *, seconds: int) -> None:
    """Run tests in a guest; raises AssertionError with what pytest said when one fails."""
    path = ":".join(f"{PLACE}/{source}" for source in SOURCES)
    command = COMMAND.format(place=PLACE, path=path, seconds=seconds, tests=tests)
    done = machine.run("sh", "-c", command, check=False, timeout=seconds + 60)
    # How long each took is worth knowing where nothing failed, too.
    stock.LOGS.mkdir(parents=True, exist_ok=True)
    (stock.LOGS / f"{Path(tests).stem}.said").write_text(done.stdout)
    assert done.code == 0, done.stdout[-20_000:]


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
