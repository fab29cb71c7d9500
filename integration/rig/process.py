"""The rig's one door to programs of the build machine: argument lists, and nothing outlives us."""

from collections.abc import Sequence
import os
from pathlib import Path
import subprocess
import threading


class RigError(Exception):
    """The rig itself could not do what it was asked to; nothing is said about the product."""


def run(*argv: str | Path, cwd: Path | None = None, timeout: float = 7200) -> str:
    """What a program says on standard output. Raises RigError with its words when it fails."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words, cwd=cwd, capture_output=True, text=True, check=False, timeout=timeout
        )
    except OSError as error:
        raise RigError(f"cannot run {words[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise RigError(f"cannot wait for {words[0]}: it took over {timeout:.0f} s") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-4000:]
        raise RigError(f"cannot run {' '.join(words)}: status {done.returncode}\n{said}")
    return done.stdout


def start(argv: Sequence[str | Path], *, cwd: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a program that the kernel kills when this process ends, however it ends."""
    # The kernel's promise is about the thread that starts it, so that must be the last one to end.
    if threading.current_thread() is not threading.main_thread():
        raise RigError(f"cannot start {argv[0]}: only the main thread may start what must not stay")
    words = ["setpriv", "--pdeathsig", "KILL", "--", *(str(word) for word in argv)]
    with log.open("ab") as output:
        return subprocess.Popen(
            words,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for us; we take the guests down in order.
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "LC_ALL": "C"},
        )
