"""The one place where the stand-in starts programs: argument lists, output kept, status judged."""

from collections.abc import Sequence
import subprocess

from offctl_agent.simulated.result import CommandError, Result


def call(argv: Sequence[str]) -> Result:
    """Run a program to its end; gives whatever it left, also a failure."""
    done = subprocess.run(
        list(argv),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        errors="replace",
    )
    return Result(done.returncode, done.stdout, done.stderr)


def run(argv: Sequence[str]) -> str:
    """Run a program; gives its output. Raises CommandError when it fails."""
    result = call(argv)
    if result.code:
        said = (result.stderr or result.stdout).strip()
        raise CommandError(
            f"command '{' '.join(argv)}' failed: exit code {result.code}: {said}", result.code
        )
    return result.stdout
