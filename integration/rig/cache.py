"""Where made things are kept, each under the key of what it was made from."""

from collections.abc import Callable, Iterator
import contextlib
import fcntl
import hashlib
import os
from pathlib import Path
import shutil
import tempfile
import time

ROOT = Path(__file__).resolve().parent.parent.parent
UNUSED = 7 * 86_400


def directory() -> Path:
    """The cache: `RIG_CACHE`, or build/rig in the source tree."""
    path = Path(os.environ.get("RIG_CACHE") or ROOT / "build" / "rig").resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path


def key(*parts: str | bytes | Path) -> str:
    """A name for everything that decides what comes out; a path stands for its content."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            files = sorted(part.rglob("*")) if part.is_dir() else [part]
            for file in files:
                if file.is_file() and "__pycache__" not in file.parts:
                    digest.update(file.name.encode() + b"\0" + file.read_bytes())
        else:
            digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def made(kind: str, name: str, make: Callable[[Path], None]) -> Path:
    """The directory KIND-NAME, made by `make` if it is not there yet; half made ones never count.

    Those made of something else stay while they are used: two branches may differ.
    """
    target = directory() / f"{kind}-{name}"
    if target.exists():
        target.touch()
        return target
    with locked(directory() / f"{kind}.lock"):
        if target.exists():
            return target
        partial = Path(tempfile.mkdtemp(prefix=f"{kind}-", suffix=".partial", dir=directory()))
        try:
            make(partial)
            partial.chmod(0o755)
            partial.rename(target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        _forget_unused(kind)
    return target


@contextlib.contextmanager
def run_directory() -> Iterator[Path]:
    """A directory for the disks and sockets of running guests; gone afterwards.

    What a killed run left behind goes when the next one starts.
    """
    home = directory() / "run"
    home.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        with locked(directory() / "run.lock"):
            for left in home.iterdir():
                with contextlib.suppress(OSError), (left / "lock").open("r") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(left, ignore_errors=True)
            path = Path(tempfile.mkdtemp(dir=home))
            stack.callback(shutil.rmtree, path, ignore_errors=True)
            fcntl.flock(stack.enter_context((path / "lock").open("w")), fcntl.LOCK_EX)
        yield path


def _forget_unused(kind: str) -> None:
    """Remove what nobody asked for in a week; whoever uses one asks for all it is based on too."""
    oldest = time.time() - UNUSED
    for path in directory().glob(f"{kind}-*"):
        if path.stat().st_mtime < oldest:
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone with what this file stands for, among all that run here."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
