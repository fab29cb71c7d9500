"""How the doors to ZFS compare with forking `zfs`, as ratios of one run; needs an empty disk.

python3 benchmarks/zfs.py DISK [COUNT [profile]]

Makes a pool `bench` on DISK and destroys it: only for a guest made for that. What is compared takes
turns, a few datasets at a time, so that whatever else the machine does and however many datasets
there are by then is the same for all. Each line begins with the seconds since the start.
"""

from collections.abc import Callable
import cProfile
from functools import partial
import os
from pathlib import Path
import platform
import pstats
import subprocess
import sys
import time

from offctl.desired.model import DesiredState, Mode
from offctl.planner import actions as act
from offctl_agent.host import run
from offctl_agent.proxmox.datasets import Datasets
from offctl_agent.proxmox.zfs import Zfs
from offctl_agent.proxmox.zfscommand import ZfsCommand

POOL = "bench"
KEYS = "atime canmount compression mountpoint quota readonly recordsize sync".split()
SETTINGS = (("atime", "off"), ("compression", "zstd"), ("quota", "10G"), ("recordsize", "16K"))
OPTIONS = [part for key, value in SETTINGS for part in ("-o", f"{key}={value}")]
NOTHING = DesiredState("bench", "off2", Mode.ENFORCE)
# Datasets in one turn; looks of each kind.
TURN, LOOKS = 5, 3
BEGUN = time.monotonic()

Work = Callable[[], object]


class Calls:
    def run(self, doing: str, argv: tuple[str, ...]) -> None:
        if run.run(argv, timeout=300).status:
            raise SystemExit(f"cannot {doing}")


def shell(*argv: str) -> None:
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def say(line: str) -> None:
    print(f"{time.monotonic() - BEGUN:.0f} s: {line}", flush=True)


def seconds(work: Work) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def turns(times: int, works: tuple[Work, ...]) -> list[list[float]]:
    """The seconds of every turn of each kind of work, one after the other again and again."""
    took: list[list[float]] = [[] for _ in works]
    for number in range(times):
        # Whoever is first has the cold caches.
        for index in range(len(works)):
            which = (index + number) % len(works)
            took[which].append(seconds(works[which]))
    return took


def compare(what: str, count: int, ours: float, theirs: float, against: str) -> None:
    say(
        f"{what}: {ours * 1000 / count:.1f} ms each; {against}: {theirs * 1000 / count:.1f} ms"
        f" each; ours takes {ours / theirs:.2f} of its time"
    )


def grown(what: str, took: list[float]) -> None:
    """Whether one costs more when there are many: what each cost in quarters of the time."""
    quarter = max(1, len(took) // 4)
    parts = [took[start : start + quarter] for start in range(0, len(took), quarter)][:4]
    means = " ".join(f"{sum(part) * 1000 / len(part) / TURN:.1f}" for part in parts)
    say(f"{what}: {means} ms each, the first to the last quarter of them")


def create(count: int, door: Datasets) -> None:
    names, others = iter(range(count)), iter(range(count))
    # Reading back, which those who only fork `zfs create` do without.
    read: list[float] = []

    def through_the_agent() -> None:
        for _ in range(TURN):
            name = f"{POOL}/ours/{next(names)}"
            door.create(act.CreateDataset(name, SETTINGS, f"/{name}"))

    def by_forking() -> None:
        for _ in range(TURN):
            name = f"{POOL}/theirs/{next(others)}"
            shell("zfs", "create", *OPTIONS, "-o", f"org.offctl:name={name}", name)
            read.append(seconds(partial(shell, "zfs", "get", "-Hp", ",".join(KEYS), name)))

    agent, forked = turns(count // TURN, (through_the_agent, by_forking))
    grown("create through the agent", agent)
    grown("fork zfs create, then zfs get", forked)
    ours, both = sum(agent), sum(forked)
    what = f"create {count}, marked, mounted, read back"
    compare(what, count, ours, both - sum(read), "forking zfs create, which does not read back")
    compare(what, count, ours, both, "forking zfs create, then zfs get")


def look(count: int, door: Datasets) -> None:
    zfs, command = Zfs(), ZfsCommand()
    some = [f"{POOL}/ours/{number}" for number in range(count)]
    asked = ",".join(KEYS)
    program, get = turns(
        LOOKS, (lambda: zfs.read(some, KEYS), lambda: shell("zfs", "get", "-Hp", asked, *some))
    )
    what = f"read {len(KEYS)} properties with their sources of {count} datasets"
    compare(f"{what} by channel program", LOOKS * count, sum(program), sum(get), "one zfs get")
    whole, narrow, every = turns(
        LOOKS,
        (
            lambda: command.list(POOL, ()),
            lambda: shell("zfs", "get", "-Hpr", asked, POOL),
            lambda: shell("zfs", "get", "-Hpr", "all", POOL),
        ),
    )
    there, ours = LOOKS * 2 * count, sum(whole)
    what = f"read a whole pool of {2 * count}, every property we may set"
    compare(what, there, ours, sum(every), "zfs get -r all")
    compare(what, there, ours, sum(narrow), "zfs get -r of 8")
    looked = seconds(lambda: door.observe(NOTHING))
    say(f"one whole look at {2 * count} datasets: {looked:.2f} s")


def mark(count: int) -> None:
    zfs = Zfs()
    marks = {f"{POOL}/ours/{number}": {"org.offctl:mark": "1"} for number in range(count)}
    marked = seconds(lambda: zfs.mark(marks))

    def one_by_one() -> None:
        for number in range(min(count, 20)):
            shell("zfs", "set", "org.offctl:mark=1", f"{POOL}/theirs/{number}")

    forked = seconds(one_by_one) * count / min(count, 20)
    compare("mark all in one transaction", count, marked, forked, "forking zfs set")


def circumstances() -> None:
    load = " ".join(Path("/proc/loadavg").read_text().split()[:3])
    version = Path("/sys/module/zfs/version").read_text().strip()
    say(
        f"ZFS {version}, Linux {platform.release()}, Python {platform.python_version()},"
        f" {os.cpu_count()} processors, load {load}"
    )


def main(disk: str, count: int, *, profiled: bool) -> None:
    circumstances()
    shell("zpool", "create", "-f", POOL, disk)
    try:
        door = Datasets(Calls())
        for name in ("ours", "theirs"):
            shell("zfs", "create", f"{POOL}/{name}")
        if profiled:
            profile = cProfile.Profile()
            for number in range(count):
                name = f"{POOL}/ours/{number}"
                action = act.CreateDataset(name, SETTINGS, f"/{name}")
                profile.runcall(door.create, action)
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
            return
        create(count, door)
        look(count, door)
        mark(count)
        circumstances()
    finally:
        shell("zpool", "destroy", "-f", POOL)
        say("the pool is destroyed")


if __name__ == "__main__":
    words = [*sys.argv[1:], "200", ""]
    main(words[0], int(words[1]), profiled="profile" in sys.argv[3:])
