"""Containers that really run, started by systemd as on PVE: no caller's sandbox leaks in."""

from collections.abc import Mapping
import os
from pathlib import Path
import sys
import time

from integration.pct import apart, lxcconfig, mounting, network, programs
from offctl_agent.host import pctconf
from offctl_agent.simulated import pctidmap, pctworld
from offctl_agent.simulated.pctworld import DIED, Files, Said, Volumes, World
from offctl_agent.simulated.result import CommandError, Result

STDERR = "/run/pve/ct-{}.stderr"
PATIENCE = 240
_POLL = 0.1
# Where systemd keeps what it knows to be active; asking it is a process, dear where machines are
# emulated.
_UNIT = "/sys/fs/cgroup/system.slice/system-pve\\x2dcontainer.slice/pve-container@{}.service"


class LxcContainers:
    """What pctworld.Containers asks for."""

    def __init__(self, files: Files, volumes: Volumes, places: mounting.Places) -> None:
        self._world = World(files, volumes, self)
        self._places = places

    def is_running(self, number: int) -> bool:
        wanted = f"@/var/lib/lxc/{number}/command"
        with Path("/proc/net/unix").open(encoding="utf-8", errors="replace") as file:
            return any(line.rstrip("\n").endswith(wanted) for line in file)

    def configure(self, number: int, file: pctconf.File) -> None:
        text = lxcconfig.render(
            number,
            file,
            bridges=network.bridges(),
            processors=os.cpu_count() or 1,
            random=self._world.volumes.random,
        )
        folder = Path(mounting.rootfs(number)).parent
        (folder / "rootfs").mkdir(parents=True, exist_ok=True)
        temporary = folder / f"config.tmp.{os.getpid()}"
        temporary.write_text(text)
        temporary.rename(folder / "config")

    def launch(self, number: int, file: pctconf.File, said: Said) -> None:
        del file
        stderr = Path(STDERR.format(number))
        stderr.parent.mkdir(exist_ok=True)
        programs.run(["systemctl", "start", f"pve-container@{number}"])
        until = time.monotonic() + PATIENCE
        while not self.is_running(number) and time.monotonic() < until:
            time.sleep(_POLL)
            if not self.is_running(number) and not self._is_active(number):
                break
        if self.is_running(number):
            states = "RUNNING|STOPPED|ABORTING"
            programs.call(["lxc-wait", "-n", str(number), "-s", states, "-t", str(PATIENCE)])
            if self._has_processes(number):
                return
        self._await_end(number)
        if stderr.exists():
            said.stdout.append(stderr.read_text(errors="replace"))
        raise CommandError(f"startup for container '{number}' failed", DIED)

    def stop(self, number: int) -> None:
        programs.run(["lxc-stop", "-n", str(number), "--kill"])
        self._await_end(number)

    def shut_down(self, number: int, seconds: int, *, force: bool) -> None:
        nokill = [] if force else ["--nokill"]
        words = ["lxc-stop", "-n", str(number), *nokill, "--timeout", str(seconds)]
        programs.call(words)
        if self.is_running(number) and not force:
            raise CommandError("container did not stop", DIED)
        self._await_end(number)

    def limit(self, number: int, key: str, value: str) -> None:
        name, text = lxcconfig.limit(key, value)
        # Without swap accounting there is no such file.
        path = Path(f"/sys/fs/cgroup/lxc/{number}/{name}")
        try:
            path.write_text(text)
        except FileNotFoundError:
            return
        except OSError as error:
            raise CommandError(f"unable to write {path}: {error.strerror}", DIED) from None

    def plug_mount(self, number: int, parts: Mapping[str, str]) -> None:
        pid = self._init(number)
        owner = pctidmap.root(pctidmap.lines(pctworld.load(self._world, number)))
        try:
            apart.run(lambda: mounting.plug(self._places, parts, pid, owner))
        except OSError as error:
            raise CommandError(f"mount error: {error.strerror}", DIED) from None

    def plug_network(self, number: int, key: str, value: str) -> None:
        network.plug(number, int(key.removeprefix("net")), value, self._init(number))

    def execute(self, number: int, argv: list[str], *, keep_environment: bool) -> Result:
        sys.stdout.flush()
        environment = [] if keep_environment else ["--clear-env"]
        words = ["lxc-attach", "-n", str(number), *environment, "--", *argv]
        os.execvp("lxc-attach", words)  # noqa: S606

    def _init(self, number: int) -> int:
        return int(programs.run(["lxc-info", "-n", str(number), "-pH"]))

    def _has_processes(self, number: int) -> bool:
        path = Path(f"/sys/fs/cgroup/lxc/{number}/cgroup.events")
        return path.exists() and "populated 1" in path.read_text()

    def _is_active(self, number: int) -> bool:
        return Path(_UNIT.format(number)).exists()

    def _await_end(self, number: int) -> None:
        """Until its monitor has gone, and with it the hook that rewrites the file."""
        until = time.monotonic() + PATIENCE
        while self.is_running(number) or self._is_active(number):
            if time.monotonic() > until:
                raise CommandError(f"container {number} did not end", DIED)
            time.sleep(_POLL)
