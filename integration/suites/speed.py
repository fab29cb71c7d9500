"""How fast the doors to ZFS are beside forking `zfs`, measured in a guest (`benchmarks/zfs.py`).

A file that is only collected when it is named; what it measured is in
build/integration-logs/inside/zfs.log. It judges nothing: a guest's figures are for comparing.
"""

import os

from integration.rig.fleet import Fleet
from integration.suites import inside

COUNT = os.environ.get("COUNT", "200")
# What is mounted holds three quarters of a MiB each in ZFS's cache, whose bound a guest has at 256
# MiB: with some 350 datasets nothing in it can go any more, and all that ZFS does is look for room.
ROOM = 512 << 20
BOUND = "/sys/module/zfs/parameters/zfs_arc_max"


def test_the_doors_to_zfs_beside_forking_zfs(bare_fleet: Fleet) -> None:
    (host,) = bare_fleet.add("off2")
    host.sh(f"echo {ROOM} > {BOUND}")
    inside.bring(host)
    path = tuple(f"{inside.PLACE}/{source}" for source in inside.SOURCES)
    command = f"python3 benchmarks/zfs.py vdb {COUNT}"
    inside.says(host, command, name="zfs", path=path, seconds=1800)
