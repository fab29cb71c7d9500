"""Nobody reads any more: who only tells ends like other programs, who works goes on to its end."""

import os
import signal
import subprocess
import sys

WORKING = """
import sys
from offctl import pipes
for number in range(3):
    pipes.say(f"step {number}")
sys.stderr.write("all steps done")
sys.exit(7)
"""


def unread(*argv: str) -> "subprocess.CompletedProcess[str]":
    """Run a program whose output nobody reads from the start."""
    read, write = os.pipe()
    os.close(read)
    try:
        return subprocess.run(
            [sys.executable, *argv],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)


def test_who_only_tells_ends_by_sigpipe_and_says_nothing() -> None:
    done = unread("-m", "offctl_cli", "check", "--rules")
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, "")


def test_who_works_goes_on_and_keeps_its_exit_status() -> None:
    done = unread("-c", WORKING)
    assert (done.returncode, done.stderr) == (7, "all steps done")
