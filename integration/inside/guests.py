"""An operator at a guest with real containers: the whole of what the contract's Rig needs.

Everything that the tests make is destroyed again, with a pool on a spare disk: never run this
anywhere but in a guest of the rig that integration.pve has laid out.
"""

from collections.abc import Iterator
import contextlib
from pathlib import Path
import shutil
import subprocess
import time

from integration.inside import pools
from integration.pct import etcpve
from integration.pve import layout, quorum
from offctl.planner.commands import Command
from offctl_agent.host import failures, run
from offctl_agent.proxmox import calls
from offctl_agent.proxmox.datasets import Datasets
from offctl_agent.proxmox.directories import Directories
from offctl_agent.proxmox.host import ProxmoxHost
from offctl_agent.proxmox.mounts import Mounts
from offctl_agent.proxmox.pools import Pools
from offctl_agent.proxmox.running import Running
from offctl_agent.proxmox.tunnels import TunnelDoor
from offctl_agent.proxmox.zfscommand import ZfsCommand

NODE = "off2"
STORAGE = "tank-pve"
TEMPLATE = "local:vztmpl/debian-12-tiny_12.5-1_amd64.tar.gz"
SUBIDS = "root:100000:65536\n"
LIMIT = 5.0
# pct that does what it is called for, unless it is to fail before or after, or to hang; or whoever
# called it is killed, while it goes on or before it did anything.
_WRAPPER = """#!/bin/sh
if [ {name} != pct ] && [ -e {faults}/unreadable ]; then cat {faults}/unreadable >&2; exit 1; fi
arguments="$*"
plays() {{
  [ -e {faults}/$1 ] || return 1
  case "{name} $arguments" in "$(cat {faults}/$1)"*) return 0;; esac
  return 1
}}
echo "{name} $arguments" >> {faults}.log
plays hangs && exec sleep 1000
plays kills && kill -9 $PPID
plays kills_instead && {{ kill -9 $PPID; exit 1; }}
plays fails && {{ echo "cannot do it: played" >&2; exit 1; }}
/usr/sbin/{name} "$@"
code=$?
plays fails_after && {{ echo "cannot do it: played" >&2; exit 1; }}
exit $code
"""


class GuestRig(pools.RealRig):
    """Satisfies host.rig.Rig."""

    storage = STORAGE

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        programs = home / "programs"
        for name in ("pct", "zfs", "zpool"):
            program = programs / name
            program.write_text(_WRAPPER.format(faults=home / "faults", name=name))
            program.chmod(0o755)
        for name in ("/etc/subuid", "/etc/subgid"):
            Path(name).write_text(SUBIDS)
        layout.lay_out(NODE, {STORAGE: f"{pools.POOL}/pve"})
        self._stack = contextlib.ExitStack()
        door = _Calls(programs)
        mounts = Mounts()
        datasets = Datasets(
            door,
            command=ZfsCommand(program=str(programs / "zfs")),
            pools=Pools(program=str(programs / "zpool")),
            mounts=mounts,
        )
        root = Path("/")
        tunnels = TunnelDoor(root, Running(root))
        self.guest = ProxmoxHost(root, NODE, datasets, Directories(mounts), tunnels, calls=door)
        self.host = self.guest

    def close(self) -> None:
        self.mend()
        for path in etcpve.ROOT.glob("nodes/*/*/*.conf"):
            number = path.stem
            subprocess.run(["lxc-stop", "-n", number, "--kill"], check=False, capture_output=True)
            subprocess.run(["systemctl", "stop", f"pve-container@{number}"], check=False)
            path.unlink(missing_ok=True)
            shutil.rmtree(f"/var/lib/lxc/{number}", ignore_errors=True)
        etcpve.list_guests()
        super().close()

    def read(self, number: int) -> bytes:
        return (etcpve.ROOT / f"lxc/{number}.conf").read_bytes()

    def write(self, number: int, content: bytes, *, node: str = "", kind: str = "lxc") -> None:
        folder = etcpve.ROOT / "nodes" / (node or NODE) / kind
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.conf").write_bytes(content)
        etcpve.list_guests()

    def wait_for_pct(self) -> None:
        """Until no pct runs that outlived who called it."""
        until = time.monotonic() + LIMIT * 12
        while subprocess.run(["pgrep", "-f", "/programs/pct "], check=False).returncode == 0:
            assert time.monotonic() < until
            time.sleep(0.2)

    def called(self) -> list[str]:
        """Every program that was called so far, with its arguments."""
        log = self._faults.with_suffix(".log")
        return log.read_text().splitlines() if log.exists() else []

    def damage(self, fault: str, value: str = "") -> None:
        match fault:
            case "no_quorum":
                self._stack.enter_context(quorum.lost())
            case "pve_not_mounted":
                self._stack.enter_context(quorum.unmounted())
            case "fails" | "fails_after" | "hangs" | "kills" | "kills_instead":
                (self._faults / fault).write_text(value)
            case _:
                super().damage(fault, value)

    def mend(self) -> None:
        self._stack.close()
        super().mend()


class _Calls(calls.Calls):
    """Programs by their wrappers, so that they can be made to fail."""

    def __init__(self, programs: Path) -> None:
        super().__init__()
        self._directory = programs

    def run(self, doing: str, argv: Command) -> None:
        # Only a call that is played to hang is given up sooner than really: all others are slow
        # enough here as they are.
        played = self._directory.parent / "faults/hangs"
        hangs = played.exists() and " ".join(argv).startswith(played.read_text())
        words = (str(self._directory / argv[0]), *argv[1:])
        seconds = calls.SECONDS.get(tuple(argv[:2]), calls.OTHERS)
        done = run.run(words, timeout=LIMIT if hangs else seconds)
        if done.status:
            said = done.stdout.decode(errors="backslashreplace") + "\n" + done.stderr
            raise failures.failure(doing, argv, done.status, said)


@contextlib.contextmanager
def real(home: Path) -> Iterator[GuestRig]:
    """A rig, and its end whatever happens."""
    rig = GuestRig(home)
    try:
        yield rig
    finally:
        rig.close()
