"""Runs of pct on real containers: cases as JSON on stdin, what became of each as JSON on stdout.

The cases are those of the simulated pct (tests/simulated/runs.toml), the checks too; here stands
only how each begins and what is looked at afterwards. One process for all, one container reused.
"""

from collections.abc import Iterator
import contextlib
import json
from pathlib import Path
import shlex
import sys
from typing import Any

from integration.pct import lxcworld, mounting, programs
from integration.pct.zvolumes import ZVolumes
from integration.pve import quorum
from offctl_agent.simulated import pct
from offctl_agent.simulated.pctworld import World
from offctl_agent.simulated.result import Result

NUMBER = 101
TEMPLATE = "local:vztmpl/debian-12-tiny_12.5-1_amd64.tar.gz"
STORAGE = "local-zfs"
# Names of recorded templates, and the ones that are here.
_TEMPLATES = {
    "debian-12-tiny_12.5-1_amd64.tar.zst": "debian-12-tiny_12.5-1_amd64.tar.gz",
    "alpine-3.tar.xz": "alpine-3-tiny_3.19-1_amd64.tar.gz",
    "d.tar.zst": "debian-12-tiny_12.5-1_amd64.tar.gz",
}
_FOLDERS = ("a", "b", "c", "x", "y", "my dir")
_FAULTS = {"no_quorum = true": quorum.lost, "pve_not_mounted = true": quorum.unmounted}


def main() -> int:
    """Run the cases one after the other."""
    world = lxcworld.world()
    cases = json.load(sys.stdin)
    create = ["create", str(NUMBER), TEMPLATE, "--rootfs", f"{STORAGE}:1", "--unprivileged", "1"]
    _succeed(pct.run(world, create))
    base = world.files.read(NUMBER) or b""
    outcomes = []
    for case in cases:
        try:
            outcomes.append(_run(world, base, case))
        except Exception as error:  # noqa: BLE001
            outcomes.append({"code": -1, "stderr": f"{type(error).__name__}: {error}"})
        finally:
            _clean(world)
    json.dump(outcomes, sys.stdout)
    return 0


def _run(world: World, base: bytes, case: dict[str, Any]) -> dict[str, Any]:
    for name in _FOLDERS:
        Path("/data", name).mkdir(parents=True, exist_ok=True)
    Path("/data/file").touch()
    world.files.write(NUMBER, case["file"].encode() if "file" in case else base)
    if case.get("running"):
        _succeed(pct.run(world, ["start", str(NUMBER)]))
    result = Result()
    with _FAULTS.get(case.get("faults", ""), contextlib.nullcontext)():
        for command in case["run"]:
            _succeed(result)
            result = pct.run(world, _words(command)[1:])
    file = world.files.read(case.get("number", NUMBER)) or b""
    return {
        "code": result.code,
        "stdout": result.stdout,
        "stderr": result.stderr,
        "file": file.decode(),
        "mounts": sorted(_mounts()) if "mounts" in case else [],
        "made": Path(case.get("made", "/nothing")).is_dir(),
    }


def _words(command: str) -> list[str]:
    for recorded, here in _TEMPLATES.items():
        command = command.replace(f"vztmpl/{recorded}", f"vztmpl/{here}")
    return shlex.split(command.replace(";", "\\;"))


def _succeed(result: Result) -> None:
    if result.code:
        raise RuntimeError(f"an earlier command failed: {result.stdout}{result.stderr}")


def _mounts() -> Iterator[str]:
    """What is mounted below the container's root from /data or a volume, hidden or not."""
    pid = programs.run(["lxc-info", "-n", str(NUMBER), "-pH"]).strip()
    for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
        words, _, rest = line.partition(" - ")
        target = words.split()[4].encode().decode("unicode_escape")
        bound = target.startswith(("/mnt", "/srv", "/vol")) or rest.startswith("zfs ")
        if bound and target != "/":
            yield target


def _clean(world: World) -> None:
    """Nothing is left of a case but container 101's root volume."""
    for number in world.files.numbers():
        if world.containers.is_running(number):
            world.containers.stop(number)
        Path(mounting.rootfs(number)).parent.joinpath("config").unlink(missing_ok=True)
        world.files.remove(number)
    kept = f"subvol-{NUMBER}-disk-0"
    pool = programs.run(["zfs", "list", "-H", "-r", "-o", "name", "-d1", _dataset()]).split()
    for name in pool:
        if "/subvol-" in name and not name.endswith(f"/{kept}"):
            programs.run(["zfs", "destroy", name])
    for path in Path("/data").glob("*/*"):
        programs.run(["rm", "-r", str(path)])


def _dataset() -> str:
    return ZVolumes().storage(STORAGE).where


if __name__ == "__main__":
    sys.exit(main())
