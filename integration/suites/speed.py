"""How fast the doors to ZFS are beside forking `zfs`, measured in a guest (`benchmarks/zfs.py`).

A file that is only collected when it is named; what it measured is in
build/integration-logs/inside/zfs.log. It judges nothing: a guest's figures are for comparing.
"""

import os

from integration.rig.fleet import Fleet
from integration.suites import inside

COUNT = os.environ.get("COUNT", "200")


def test_the_doors_to_zfs_beside_forking_zfs(bare_fleet: Fleet) -> None:
    (host,) = bare_fleet.add("off2")
    inside.bring(host)
    path = tuple(f"{inside.PLACE}/{source}" for source in inside.SOURCES)
    command = f"python3 benchmarks/zfs.py vdb {COUNT}"
    inside.says(host, command, name="zfs", path=path, seconds=1800)
