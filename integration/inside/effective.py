"""What of a bundle is not so on this machine, looked at with nothing but the kernel's own words.

python3 effective.py BUNDLE: one line for each thing that is wrong, and a last one that counts.
It imports nothing of ours, so that it cannot share a mistake with what it examines.
"""

import os
from pathlib import Path
import subprocess
import sys
import tomllib
from typing import Any


def main() -> int:
    """Look at every dataset and, from inside, at every mount of every container."""
    with Path(sys.argv[1]).open("rb") as file:
        bundle = tomllib.load(file)
    mounted = _mounted()
    for dataset in bundle["dataset"]:
        _dataset(dataset, mounted)
    seen = 0
    for container in bundle["container"]:
        seen += _container(container, mounted)
    print(
        f"seen: {len(bundle['dataset'])} datasets, {len(bundle['container'])} containers,", end=""
    )
    print(f" {seen} mounts")
    return 0


def _dataset(dataset: dict[str, Any], mounted: dict[int, str]) -> None:
    name, path = dataset["name"], dataset["mountpoint"]
    shown = _device(path, mounted)
    if shown != name:
        print(f"{path} shows {shown}, not {name}")
    wanted = [(path, dataset)] + [(f"{path}/{d['path']}", d) for d in dataset.get("directory", ())]
    for where, access in wanted:
        try:
            found = Path(where).stat()
        except OSError as error:
            print(f"{where}: {error.strerror}")
            continue
        for key, value in (("uid", found.st_uid), ("gid", found.st_gid)):
            if access.get(key, value) != value:
                print(f"{where} has {key} {value}, not {access[key]}")
        if "mode" in access and int(access["mode"], 8) != found.st_mode & 0o7777:
            print(f"{where} has mode {found.st_mode & 0o7777:o}, not {access['mode']}")


def _container(container: dict[str, Any], mounted: dict[int, str]) -> int:
    number = container["id"]
    argv = ["lxc-info", "-n", str(number), "-pH"]
    pid = subprocess.run(argv, check=False, capture_output=True, text=True).stdout.strip()
    if bool(pid) is (container.get("run") == "stopped"):
        print(f"container {number} {'runs' if pid else 'does not run'}")
    if not pid:
        return 0
    mounts = container.get("mount", [])
    for mount in mounts:
        inside = f"/proc/{pid}/root{mount['target']}"
        if "source" not in mount:
            shown = _device(inside, mounted)
            if f"/subvol-{number}-disk-" not in shown:
                print(f"container {number}: {mount['target']} shows {shown}, no volume of its own")
        elif _identity(inside) != _identity(mount["source"]):
            print(f"container {number}: {mount['target']} is not {mount['source']}")
    return len(mounts)


def _identity(path: str) -> tuple[int, int] | str:
    try:
        found = Path(path).stat()
    except OSError as error:
        return f"{path}: {error.strerror}"
    return found.st_dev, found.st_ino


def _device(path: str, mounted: dict[int, str]) -> str:
    found = _identity(path)
    return found if isinstance(found, str) else mounted.get(found[0], "something that is no ZFS")


def _mounted() -> dict[int, str]:
    """The dataset of each ZFS device number."""
    found = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, source, *_ = after.split(" ")
        if kind == "zfs":
            major, _, minor = before.split(" ")[2].partition(":")
            found[os.makedev(int(major), int(minor))] = source
    return found


if __name__ == "__main__":
    sys.exit(main())
