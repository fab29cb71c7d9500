"""The power is cut at random moments of a host that always has work (`make integration-power`).

A file that is only collected when it is named: it takes an hour. `CUTS`, `SEED` and `SECONDS` say
how many, which, and how long at most. Every cut takes QEMU away and what the guest had not flushed;
after it, unless the next cut comes first, everything must be there and the next run must converge.
"""

from collections import Counter
from dataclasses import dataclass, field
import os
import random
import re
import time
from typing import Any

from integration.suites.conftest import tell
from integration.suites.cutting import Powered
from integration.suites.turns import AGENT, Turns

CUTS = int(os.environ.get("CUTS", "50"))
SEED = int(os.environ.get("SEED", str(int(time.time()))))
SECONDS = float(os.environ.get("SECONDS", "7200"))
# Of all starts after a cut: from a cold machine (the first and the last always are), and cut again
# before it has recovered, at a moment of so much of a turn: some of that was done before.
COLD, AGAIN, LONGER = 0.1, 0.5, 0.7
# After every so many looks two more runs must find nothing to do.
QUIET = 5


@dataclass(slots=True)
class Tally:
    """What happened."""

    cuts: int = 0
    looks: int = 0
    cold: int = 0
    unflushed: int = 0
    lost: int = 0
    precious: int = 0
    left: Counter[str] = field(default_factory=Counter)

    def told(self, seconds: float) -> str:
        """In a line."""
        each = seconds / max(1, self.cuts)
        return (
            f"{self.cuts} cuts and {self.looks} looks, {self.cold} of them after a cold start,"
            f" in {seconds:.0f} s ({each:.1f} s a cut), SEED={SEED};"
            f" {self.unflushed} writes were not flushed, {self.lost} of them lost;"
            f" {self.precious} files whole; {dict(self.left)}"
        )


@dataclass(frozen=True, slots=True)
class Whole:
    """A turn that nothing interrupted: how long it took, its steps, containers' files by parity."""

    seconds: float
    steps: int
    containers: dict[int, dict[str, str]]


def test_power_cuts(turning: tuple[Turns, Powered]) -> None:
    turns, powered = turning
    chance, tally, started = random.Random(SEED), Tally(), time.monotonic()
    tell(f"{CUTS} power cuts, SEED={SEED}")
    powered.start(cold=False)
    turns.go_on(powered.machine)
    turns.settle()
    whole = undisturbed(turns, tally)
    try:
        while tally.cuts < CUTS and time.monotonic() - started < SECONDS:
            turns.deliver()
            turns.ring()
            cut(powered, chance, tally, whole.seconds)
            while tally.cuts < CUTS and chance.random() < AGAIN:
                powered.start(cold=chance.random() < COLD, wait=False)
                cut(powered, chance, tally, LONGER * whole.seconds)
            ends = tally.looks == 0 or tally.cuts == CUTS
            powered.start(cold=chance.random() < COLD or ends)
            turns.go_on(powered.machine)
            took, runs = turns.settle()
            wrong = judge(turns, whole, tally, cold=powered.cold)
            kind = "cold" if powered.cold else "warm"
            tell(
                f"  {kind} start: right after {took:.0f} s, {runs} runs"
                + "".join(f"; {w}" for w in wrong)
            )
            assert wrong == []
    finally:
        tell(tally.told(time.monotonic() - started))
    assert tally.cuts >= CUTS, f"only {tally.cuts} of {CUTS} in {SECONDS:.0f} s"


def undisturbed(turns: Turns, tally: Tally) -> Whole:
    """Two turns without a cut: what the others must come to, and how long one takes."""
    containers: dict[int, dict[str, str]] = {}
    for _ in range(2):
        turns.deliver()
        begun = time.monotonic()
        turns.ring()
        turns.settle()
        took = time.monotonic() - begun
        found = look(turns, tally)
        containers[turns.serial % 2] = essence(found)
    done = steps(turns)[-1]
    tell(f"  a turn takes {took:.0f} s and {done} steps")
    return Whole(took, done, containers)


def cut(powered: Powered, chance: random.Random, tally: Tally, span: float) -> None:
    """After a random part of `span`."""
    moment = chance.uniform(0, span)
    time.sleep(moment)
    lost = powered.cut(chance)
    tally.cuts += 1
    tally.unflushed += lost.unflushed
    tally.lost += lost.lost
    told = f"{lost.lost} of {lost.unflushed} unflushed writes lost"
    tell(f"cut {tally.cuts} after {moment:.1f} s: {told}")


def look(turns: Turns, tally: Tally) -> dict[str, Any]:
    """What `survived.py` sees; the files it makes are looked for from then on."""
    found = turns.survived(keep=True)
    found["missing"] = tally.precious - found["precious"]
    tally.precious += found["made"]
    return found


def judge(turns: Turns, whole: Whole, tally: Tally, *, cold: bool) -> list[str]:
    """What is not as it must be; empty when all is well."""
    found = look(turns, tally)
    done = sum(steps(turns))
    left = "some" if 0 < done < whole.steps else "all" if done else "none"
    tally.left[f"{left} of the work was left"] += 1
    tally.looks += 1
    tally.cold += cold
    expected: dict[str, object] = {
        "pool": "pool 'tank' is healthy",
        "serial": turns.serial,
        "lost": False,
        "debts": [],
        "journal": 0,
        "damaged": [],
        "left": [],
        "missing": 0,
        "wrong": [],
    }
    wrong = [f"{k} is {found[k]!r}" for k, value in expected.items() if found[k] != value]
    if len(found["floors"]) != 1:
        wrong.append(f"floors differ: {found['floors']}")
    if essence(found) != whole.containers[turns.serial % 2]:
        wrong.append(f"containers are {essence(found)}")
    wrong += turns.wrong()[:-1]
    if tally.looks % QUIET == 0:
        before = turns.apply()["events"]
        if turns.apply()["events"] != before:
            wrong.append("a run after the next still changed something")
    return wrong


def essence(found: dict[str, Any]) -> dict[str, str]:
    """Containers' files without what differs from turn to turn."""
    alike = re.compile("turn-[0-9]+|^onboot: .*$", re.MULTILINE)
    return {
        name: alike.sub("", "\n".join(sorted(text.splitlines())))
        for name, text in found["containers"].items()
    }


def steps(turns: Turns) -> list[int]:
    """How many steps each run of the service did since its kernel began."""
    said = turns.host.out("journalctl", "-b", "-u", AGENT, "-o", "cat", "--no-pager")
    return [int(number) for number in re.findall(r"run: ([0-9]+) done", said)]
