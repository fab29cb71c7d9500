"""A coordinator's store that is killed at a random moment of each of its lives.

`PYTHONPATH=tests python -m coordinator.dying DIRECTORY LIVES [SEED]`: each life opens the database
and stores reports until it is killed; what it had been told to be stored must be there in the next.
Prints what came of it as JSON.
"""

from datetime import UTC, datetime
import json
import os
from pathlib import Path
import random
import signal
import struct
import sys
import time

from offctl_coordinator.store import sqlite
from offctl_coordinator.store.records import ReportRecord

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
CONTENT = b"r" * 4000
# A life ends so many seconds at most after it has said something for the nth time; n at most.
SPAN, WORDS = 0.02, 12
WORD = struct.calcsize("=Q")


def live(path: Path, told: int) -> None:
    """One life: what is there when it begins, then the number of each report that is stored."""
    with sqlite.opened(path) as store:
        newest = store.newest_report("off1")
        sequence = newest.sequence if newest else 0
        while True:
            os.write(told, struct.pack("=Q", sequence))
            sequence += 1
            record = ReportRecord("off1", "s" * 16, sequence, NOON, CONTENT)
            store.add_report(record, lambda spell: spell)


def life(path: Path, words: int, seconds: float) -> list[int]:
    """What one life said that is killed so many seconds after so many words."""
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            live(path, told)
        finally:
            os._exit(1)
    os.close(told)
    with os.fdopen(heard, "rb", buffering=0) as pipe:
        said = b"".join(pipe.read(WORD) or b"" for _ in range(words))
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "it ended by itself"
        said += pipe.read()
    return list(struct.unpack(f"={len(said) // WORD}Q", said))


def main() -> None:
    directory, lives = Path(sys.argv[1]), int(sys.argv[2])
    chance = random.Random(sys.argv[3] if len(sys.argv) > 3 else "1")
    path = directory / "coordinator.db"
    known = opened = lost = 0
    for _ in range(lives):
        said = life(path, chance.randint(0, WORDS), chance.uniform(0, SPAN))
        opened += bool(said)
        lost += bool(said) and said[0] < known
        known = max([known, *said])
    began = time.monotonic()
    with sqlite.opened(path) as store:
        seconds = time.monotonic() - began
        newest = store.newest_report("off1")
    found = {
        "opened": opened,
        "stored": newest.sequence if newest else 0,
        "lost": lost,
        "seconds": seconds,
        "files": sorted(os.listdir(directory)),
        "bytes": sum(file.stat().st_size for file in directory.iterdir()),
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
