"""How the doors to ZFS compare with forking `zfs`, as ratios of one run; needs an empty disk.

python3 benchmarks/zfs.py DISK [COUNT]

Makes a pool `bench` on DISK and destroys it: only for a guest made for that.
"""

from collections.abc import Callable
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
NOTHING = DesiredState("bench", "off2", Mode.ENFORCE)


class Calls:
    def run(self, doing: str, argv: tuple[str, ...]) -> None:
        if run.run(argv, timeout=300).status:
            raise SystemExit(f"cannot {doing}")


def shell(*argv: str) -> None:
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def compare(what: str, count: int, ours: float, theirs: float, against: str) -> None:
    print(
        f"{what}: {ours * 1000 / count:.1f} ms each, {against} {theirs * 1000 / count:.1f} ms each:"
        f" {theirs / ours:.2f} times as fast",
        flush=True,
    )


def main(disk: str, count: int) -> None:
    shell("zpool", "create", "-f", POOL, disk)
    try:
        measure(count)
    finally:
        shell("zpool", "destroy", "-f", POOL)


def measure(count: int) -> None:
    door, zfs, command = Datasets(Calls()), Zfs(), ZfsCommand()
    for name in ("ours", "theirs"):
        shell("zfs", "create", f"{POOL}/{name}")
    ours = [f"{POOL}/ours/{number}" for number in range(count)]
    theirs = [f"{POOL}/theirs/{number}" for number in range(count)]
    options = [part for key, value in SETTINGS for part in ("-o", f"{key}={value}")]

    def through_the_agent() -> None:
        for name in ours:
            door.create(act.CreateDataset(name, SETTINGS, f"/{name}"))

    def by_forking() -> None:
        for name in theirs:
            shell("zfs", "create", *options, name)

    compare(
        "create, verify and mount",
        count,
        seconds(through_the_agent),
        seconds(by_forking),
        "forking zfs create",
    )
    shell("zfs", "list", POOL)
    read = seconds(lambda: zfs.read(ours, KEYS))
    get = seconds(lambda: shell("zfs", "get", "-Hp", ",".join(KEYS), *ours))
    compare(f"read {len(KEYS)} properties by channel program", count, read, get, "one zfs get")
    whole = seconds(lambda: command.list(POOL, ()))
    narrow = seconds(lambda: shell("zfs", "get", "-Hpr", ",".join(KEYS), POOL))
    every = seconds(lambda: shell("zfs", "get", "-Hpr", "all", POOL))
    compare("read a whole pool as the agent does", 2 * count, whole, every, "zfs get -r all")
    compare(f"read a whole pool, {len(KEYS)} properties", 2 * count, narrow, whole, "the agent's")
    look = seconds(lambda: door.observe(NOTHING))
    print(f"one whole look at {2 * count} datasets: {look:.2f} s", flush=True)
    marks = {name: {"org.offctl:mark": "1"} for name in ours}
    marked = seconds(lambda: zfs.mark(marks))

    def one_by_one() -> None:
        for name in theirs[:20]:
            shell("zfs", "set", "org.offctl:mark=1", name)

    forked = seconds(one_by_one) * count / 20
    compare("mark all in one transaction", count, marked, forked, "forking zfs set")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200)
