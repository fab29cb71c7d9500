"""Real programs as child processes: started, waited for by what they print, always ended."""

from collections.abc import Iterator
import contextlib
from pathlib import Path
import selectors
import subprocess
import sys

from offctl.trust.keys import SecretKey
from transport import fleet as fleets
from transport.fleet import Fleet, Pair

DEADLINE = 20.0


def coordinator_directory(directory: Path, fleet: Fleet) -> Path:
    """A coordinator's directory with the keys of `fleet`; gives the path of its configuration."""
    from offctl_coordinator import directory as directories

    config = directories.make(directory, "one")
    fleet.server = Pair(
        (directory / "server.cert.pem").read_text(), (directory / "server.key.pem").read_bytes()
    )
    fleet.timestamp_key = SecretKey.from_pem((directory / "timestamp.key.pem").read_bytes())
    fleets.write_trust(directory / "trust.toml", fleet.root())
    config.write_text(config.read_text().replace('"[::]:7643"', '"127.0.0.1:0"'))
    return config


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@contextlib.contextmanager
def started(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(DEADLINE)
        if process.stdout:
            process.stdout.close()


def first_line(process: "subprocess.Popen[str]") -> str:
    """The first line it prints; fails when it ends or takes too long without one."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        assert selector.select(DEADLINE), "nothing was printed"
    return process.stdout.readline().strip()
