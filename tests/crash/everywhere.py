"""A kill at every moment of a run, then pairs of moments at random, for as long as is allowed.

`make nightly`, or `PYTHONPATH=tests:. python -m crash.everywhere --pairs 2000 --seconds 3600`.
Prints what was tried, and every moment that does not end as it must.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
import random
import shutil
import sys
import tempfile
import time

from crash.room import Room
from crash.verdicts import Approving, Trying

ROOMS: tuple[type[Room], ...] = (Room, Trying, Approving)


def moments(total: int, every: int, pairs: int, seed: int) -> Iterator[tuple[int, ...]]:
    """Each moment alone, one in `every`; then `pairs` of them at random."""
    yield from ((moment,) for moment in range(1, total + 1, every))
    chance = random.Random(seed)
    for _ in range(pairs):
        yield chance.randint(1, total), chance.randint(1, total)


def tried(template: Room, whole: Room, directory: Path, kills: tuple[int, ...]) -> str:
    """What is wrong after these kills, one run each."""
    room = template.copy(directory)
    try:
        for moment in kills:
            room.killed(moment)
        return room.check(whole)
    finally:
        shutil.rmtree(directory)


def everywhere(
    directory: Path, kind: type[Room] = Room, *, every: int, pairs: int, seed: int, seconds: float
) -> tuple[int, int, dict[tuple[int, ...], str]]:
    """How many moments there are, how many cases were tried, and what was wrong with which."""
    until = time.monotonic() + seconds
    template = kind.make(directory / "template")
    total = template.copy(directory / "counted").changes()
    whole = template.copy(directory / "whole")
    whole.act()
    assert whole.check(whole) == ""
    count, wrong = 0, {}
    for kills in moments(total, every, pairs, seed):
        if time.monotonic() > until:
            break
        said = tried(template, whole, directory / f"case-{count}", kills)
        count += 1
        if said:
            wrong[kills] = said
    return total, count, wrong


def main() -> None:
    """Try, print, exit 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="one in so many single moments")
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--seconds", type=float, default=3600)
    chosen = parser.parse_args()
    until, failed = time.monotonic() + chosen.seconds, 0
    for kind in ROOMS:
        chosen.seconds = until - time.monotonic()
        with tempfile.TemporaryDirectory(prefix="crash-") as directory:
            total, count, wrong = everywhere(Path(directory) / "rooms", kind, **vars(chosen))
        for kills, said in wrong.items():
            print(f"{kind.__name__} killed at {', '.join(map(str, kills))}: {said}")
        told = f"{total} moments; {count} cases tried (seed {chosen.seed}), {len(wrong)} wrong"
        print(f"{kind.__name__}: {told}", flush=True)
        failed += len(wrong)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
