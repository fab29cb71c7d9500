"""A kill at every moment of a run, then pairs of moments at random, for as long as is allowed; and
a disk that refuses to be written, or read, at every moment.

`make nightly`, or `PYTHONPATH=tests:. python -m crash.everywhere --pairs 2000 --seconds 3600`.
Prints what was tried, and every moment that does not end as it must.
"""

import argparse
from collections.abc import Iterator
import functools
import multiprocessing
import os
from pathlib import Path
import random
import shutil
import sys
import tempfile
import time

from crash.refusing import Full, ReadOnly, Unreadable
from crash.room import Room
from crash.verdicts import Approving, Trying

ROOMS: tuple[type[Room], ...] = (Room, Trying, Approving, Full, ReadOnly, Unreadable)


def moments(total: int, every: int, pairs: int, seed: int) -> Iterator[tuple[int, ...]]:
    """Each moment alone, one in `every`; then `pairs` of them at random."""
    yield from ((moment,) for moment in range(1, total + 1, every))
    chance = random.Random(seed)
    for _ in range(pairs):
        yield chance.randint(1, total), chance.randint(1, total)


def tried(
    kind: type[Room], directory: Path, until: float, case: tuple[int, tuple[int, ...]]
) -> tuple[tuple[int, ...], str] | None:
    """The moments of one case and what is wrong after them; None when time was up."""
    number, disturbed = case
    if time.monotonic() > until:
        return None
    room = kind(directory / "template").copy(directory / f"case-{number}")
    try:
        for moment in disturbed:
            room.disturbed(moment)
        return disturbed, room.check(kind(directory / "whole"))
    finally:
        shutil.rmtree(room.directory)


def everywhere(
    directory: Path,
    kind: type[Room] = Room,
    *,
    every: int,
    pairs: int,
    seed: int,
    seconds: float,
    workers: int = 1,
) -> tuple[int, int, dict[tuple[int, ...], str]]:
    """How many moments there are, how many cases were tried, and what was wrong with which."""
    until = time.monotonic() + seconds
    template = kind.make(directory / "template")
    total = template.copy(directory / "counted").changes()
    whole = template.copy(directory / "whole")
    whole.act()
    assert whole.check(whole) == ""
    cases = enumerate(moments(total, every, pairs, seed))
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        each = functools.partial(tried, kind, directory, until)
        done = [found for found in pool.imap_unordered(each, cases) if found is not None]
    return total, len(done), {kills: said for kills, said in done if said}


def main() -> None:
    """Try, print, exit 1 when anything is wrong or was not reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="one in so many single moments")
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    chosen = parser.parse_args()
    until, failed = time.monotonic() + chosen.seconds, False
    # In memory: what a killed program has written outlives it anywhere, and fsync is free here.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    for kind in ROOMS:
        started = time.monotonic()
        chosen.seconds = until - started
        with tempfile.TemporaryDirectory(prefix="crash-", dir=memory) as directory:
            total, count, wrong = everywhere(Path(directory) / "rooms", kind, **vars(chosen))
        for kills, said in wrong.items():
            print(f"{kind.__name__} disturbed at {', '.join(map(str, kills))}: {said}")
        wanted = len(list(moments(total, chosen.every, chosen.pairs, chosen.seed)))
        print(
            f"{kind.__name__}: {total} moments; {count} of {wanted} cases tried in"
            f" {time.monotonic() - started:.0f} s (seed {chosen.seed}), {len(wrong)} wrong",
            flush=True,
        )
        failed = failed or bool(wrong) or count < wanted
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
