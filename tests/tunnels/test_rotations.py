"""Rotations one after another under load: nobody who tries again is ever left without an answer.

`make rotations` prints the figures of a hundred, and of a thousand runs with nothing to do.
"""

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
import json
from pathlib import Path
import subprocess
import sys
import tempfile
import time

from tunnels.pair import CLIENT_ACCEPT, Pair, pair

RATE = 100
# Runs of an end afterwards, for each rotation, in which there is nothing to do.
QUIET = 10
LOAD = Path(__file__).parent / "load.py"


@dataclass
class Figures:
    rotations: int = 0
    reloads: int = 0
    quiet: int = 0
    seconds: float = 0
    requests: int = 0
    lost: int = 0
    failed: int = 0


@contextlib.contextmanager
def load(two: Pair, figures: Figures) -> Iterator[None]:
    """Requests through the tunnel meanwhile."""
    address, _, port = CLIENT_ACCEPT.rpartition(":")
    argv = [*two.client.place.inside, sys.executable, str(LOAD), address, port, str(RATE)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            yield
        finally:
            told = json.loads(child.communicate(timeout=60)[0])
    figures.requests, figures.lost, figures.failed = (
        told["requests"], told["lost"], told["failed"],
    )  # fmt: skip


def rotations(count: int) -> Figures:
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="offctl-rotations-") as directory:
        Path(directory).chmod(0o755)
        with pair(Path(directory)) as two:
            two.server.renew()
            two.client.renew()
            began = time.monotonic()
            with load(two, figures):
                for old in range(1, count + 1):
                    for used, accepted, end in (
                        (old, (old, old + 1), two.server),
                        (old + 1, (old, old + 1), two.client),
                        (old + 1, (old + 1,), two.server),
                    ):
                        two.generation(used, *accepted)
                        end.renew()
                    figures.rotations += 1
                for _ in range(QUIET * count):
                    two.client.renew()
                    figures.quiet += 1
            figures.seconds = round(time.monotonic() - began, 1)
            asked = two.server.place.asked + two.client.place.asked
            figures.reloads = asked.count("reload")
            assert two.through()
    return figures


def complaints(figures: Figures) -> list[str]:
    """What of it must not be."""
    must = {
        "a request failed though it was tried again": figures.failed == 0,
        "there was hardly a request": figures.requests > 20 * figures.rotations,
        "each phase is one reload, and a run with nothing to do is none": (
            figures.reloads == 3 * figures.rotations
        ),
        # A reload closes the listening sockets for a moment: more would be another cause.
        "more than two connects were lost in a reload": figures.lost <= 2 * figures.reloads,
    }
    return [text for text, right in must.items() if not right]


def test_no_request_fails_over_rotations_and_hardly_a_connect_is_lost() -> None:
    figures = rotations(5)
    assert complaints(figures) == [], figures


if __name__ == "__main__":
    found = rotations(int(sys.argv[1]))
    sys.stdout.write(f"{found}\n")
    sys.exit("; ".join(complaints(found)) or 0)
