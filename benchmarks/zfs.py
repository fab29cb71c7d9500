"""How the doors to ZFS compare with forking `zfs`, as ratios of one run; needs an empty disk.

python3 benchmarks/zfs.py DISK [COUNT [profile]]

Makes a pool `bench` on DISK and destroys it: only for a guest made for that. What is compared takes
turns, a few datasets at a time, so that whatever else the machine does and however many datasets
there are by then is the same for all.
"""

from collections.abc import Callable
import cProfile
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
TURN, LOOKS = 5, 5

Work = Callable[[], object]


class Calls:
    def run(self, doing: str, argv: tuple[str, ...]) -> None:
        if run.run(argv, timeout=300).status:
            raise SystemExit(f"cannot {doing}")


def shell(*argv: str) -> None:
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def seconds(work: Work) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def turns(times: int, works: tuple[Work, ...]) -> list[float]:
    """The seconds that each kind of work took in all, one after the other again and again."""
    took = [0.0 for _ in works]
    for number in range(times):
        # Whoever is first has the cold caches.
        for index in range(len(works)):
            which = (index + number) % len(works)
            took[which] += seconds(works[which])
    return took


def compare(what: str, count: int, ours: float, theirs: float, against: str) -> None:
    print(
        f"{what}: {ours * 1000 / count:.1f} ms each; {against}: {theirs * 1000 / count:.1f} ms"
        f" each; ours takes {ours / theirs:.2f} of its time",
        flush=True,
    )


def create(count: int, door: Datasets) -> None:
    names = iter(range(count))
    plain = iter(range(count))
    proven = iter(range(count))

    def through_the_agent() -> None:
        for _ in range(TURN):
            name = f"{POOL}/ours/{next(names)}"
            door.create(act.CreateDataset(name, SETTINGS, f"/{name}"))

    def by_forking() -> None:
        for _ in range(TURN):
            shell("zfs", "create", *OPTIONS, f"{POOL}/theirs/{next(plain)}")

    def by_forking_and_reading_back() -> None:
        for _ in range(TURN):
            name = f"{POOL}/proven/{next(proven)}"
            shell("zfs", "create", *OPTIONS, "-o", f"org.offctl:name={name}", name)
            shell("zfs", "get", "-Hp", ",".join(KEYS), name)

    ways = (through_the_agent, by_forking, by_forking_and_reading_back)
    ours, theirs, read_back = turns(count // TURN, ways)
    what = "create, mark, mount, read back"
    compare(what, count, ours, theirs, "forking zfs create, which does not read back")
    compare(what, count, ours, read_back, "forking zfs create, then zfs get")


def look(count: int, door: Datasets) -> None:
    zfs, command = Zfs(), ZfsCommand()
    some = [f"{POOL}/ours/{number}" for number in range(count)]
    asked = ",".join(KEYS)
    program, get = turns(
        LOOKS, (lambda: zfs.read(some, KEYS), lambda: shell("zfs", "get", "-Hp", asked, *some))
    )
    what = f"read {len(KEYS)} properties with their sources of {count} datasets"
    compare(f"{what} by channel program", LOOKS * count, program, get, "one zfs get")
    whole, narrow, every = turns(
        LOOKS,
        (
            lambda: command.list(POOL, ()),
            lambda: shell("zfs", "get", "-Hpr", asked, POOL),
            lambda: shell("zfs", "get", "-Hpr", "all", POOL),
        ),
    )
    there = LOOKS * 3 * count
    compare("read a whole pool, every property we may set", there, whole, every, "zfs get -r all")
    compare("read a whole pool, every property we may set", there, whole, narrow, "zfs get -r of 8")
    looked = seconds(lambda: door.observe(NOTHING))
    print(f"one whole look at {3 * count} datasets: {looked:.2f} s", flush=True)


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
    print(
        f"ZFS {version}, Linux {platform.release()}, Python {platform.python_version()},"
        f" {os.cpu_count()} processors, load {load}",
        flush=True,
    )


def main(disk: str, count: int, *, profiled: bool) -> None:
    circumstances()
    shell("zpool", "create", "-f", POOL, disk)
    try:
        door = Datasets(Calls())
        for name in ("ours", "theirs", "proven"):
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
    finally:
        shell("zpool", "destroy", "-f", POOL)


if __name__ == "__main__":
    words = [*sys.argv[1:], "200", ""]
    main(words[0], int(words[1]), profiled="profile" in sys.argv[3:])
