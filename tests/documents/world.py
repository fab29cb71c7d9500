"""A desk, a coordinator and three hosts, on which documented commands are typed as they stand.

Every machine is a directory, and every program of ours the real one: a reader's `/etc/offctl` is
that directory, `zfs` and `pct` are those of the simulated host. What needs a real machine is stood
in for, and counted; what it is called with is checked.
"""

from collections.abc import Callable
import os
from pathlib import Path
import re
import shlex
import socket
import subprocess

from demo import story
from demo.stage import BIN, Stage
from documents.reading import Shown, Written
from unitfiles import NAMES, ROOT

DESK = "desk"
MACHINES = (DESK, "coordinator", *story.HOSTS)
ADDRESS = "coordinator.example.org:7643"
EXAMPLES = "/usr/share/doc/offctl/examples"
SECONDS = 120.0
# Statuses that tell the reader something; with any other but 0 the reader was told wrong.
TELLING = {
    "offctl plan": {2, 3},
    "offctl diff": {2},
    "offctl status": {1},
    "offctl rollout status": {1},
    "offctl-agent plan": {1},
    "offctl-agent apply": {1},
    "offctl-agent status": {1},
    "offctl-agent doctor": {1},
    "offctl-agent adopt": {1},
    "offctl-agent forget": {1},
    "offctl-agent retry": {1},
    "journalctl": {1},
}

_SCP = """#!/bin/sh
# NAME:PATH is PATH below the directory of that machine; a path of its own begins at its home.
set -e
for last; do :; done
to() {{ case $1 in *:*) echo "{room}/${{1%%:*}}/${{1#*:}}" ;; *) echo "$1" ;; esac; }}
target=$(to "$last" | sed 's,/desk/,/,')
while [ $# -gt 1 ]; do cp "$(to "$1")" "$target"; shift; done
"""


class World:
    """Where documents are lived through; `stage.directory` is the desk's home."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.room = stage.directory
        self.ran = 0
        self.stood_in: list[Shown] = []
        # What a reader fills in, by the word that stands for it.
        self.words: dict[str, str] = {}
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        for machine in MACHINES:
            self._make(machine)

    def home(self, machine: str) -> Path:
        return self.room if machine == DESK else self.room / machine

    def _make(self, machine: str) -> None:
        home, programs = self.home(machine), self.room / ".bin" / machine
        home.mkdir(exist_ok=True)
        programs.mkdir(parents=True)
        if machine in story.HOSTS:
            pools = story.HOSTS[machine]
            held = [pool for pool in pools if pool != "rpool" or len(pools) == 1]
            made = [f"--pool {p}" for p in pools] + [f"--storage {p}={p}/pve" for p in held]
            self.stage.run(
                f"offctl-simhost {machine}/machine --node {machine} init {' '.join(made)}",
                show=False,
            )
            for tool in ("zfs", "pct"):
                self._script(programs / tool, f'exec {BIN}/offctl-simhost machine {tool} "$@"')
            more = "--simulated machine" if machine in story.HOSTS else ""
            config = f"--config {home}/agent.toml"
            self._script(
                programs / "offctl-agent",
                f'case $1 in init) set -- "$@" {more} ;; esac\n'
                f'exec {BIN}/offctl-agent "$@" {config}',
            )
        self._script(programs / "scp", _SCP.format(room=self.room))
        empty = self.room / ".journal"
        empty.mkdir(exist_ok=True)
        self._script(
            programs / "journalctl", f'exec /usr/bin/journalctl -q --directory={empty} "$@"'
        )

    def _script(self, path: Path, text: str) -> None:
        path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def write(self, written: Written) -> None:
        """What a reader writes; a file that is there gets it at its end."""
        name = self._meant(written.path, written.machine).replace("~", str(self.room))
        path = self.home(written.machine) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = self._meant(written.text, written.machine)
        path.write_text((path.read_text() + "\n" if path.exists() else "") + text)

    def type(self, shown: Shown) -> str:
        """Type one command; what it printed."""
        program = shown.text.split()[0]
        stand_in = STAND_INS.get(program)
        if stand_in is not None:
            self.stood_in.append(shown)
            stand_in(self, shown)
            return ""
        self.ran += 1
        done = subprocess.run(
            ["/bin/sh", "-c", self._meant(shown.text, shown.machine)],
            cwd=self.home(shown.machine),
            env=self._environment(shown.machine),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        told = f"{shown.page}: {shown.machine}$ {shown.text}\n{done.stdout}{done.stderr}"
        assert done.returncode in self._allowed(shown.text), f"{told}\nstatus {done.returncode}"
        assert "Traceback" not in done.stderr, told
        return done.stdout + done.stderr

    def _allowed(self, text: str) -> set[int]:
        found = {0}
        for command, statuses in TELLING.items():
            if text.startswith(command):
                found |= statuses
        return found

    def _meant(self, text: str, machine: str) -> str:
        for word, value in self.words.items():
            text = re.sub(rf"\b{word}\b", value, text)
        text = text.replace(ADDRESS, self.address).replace(EXAMPLES, str(ROOT / "examples"))
        if machine != DESK:
            text = text.replace("/etc/offctl", str(self.home(machine)))
        return re.sub(r"(\w+:)/etc/offctl/?", r"\1", text)

    def _environment(self, machine: str) -> dict[str, str]:
        path = f"{self.room}/.bin/{machine}:{BIN}:{os.environ['PATH']}"
        return {**os.environ, "HOME": str(self.room), "PATH": path, "COLUMNS": "118"}


def _systemctl(world: World, shown: Shown) -> None:
    """Really started, stopped or told; the programs are the same, the manager is not."""
    _, verb, *units = shlex.split(shown.text)
    assert verb in ("start", "stop", "restart", "reload"), shown
    assert units, shown
    assert set(units) <= set(NAMES), shown
    for unit in units:
        name = f"{unit.removeprefix('offctl-')}-{shown.machine}"
        if verb in ("stop", "restart") and world.stage.runs(name):
            world.stage.stop(name)
        if verb in ("start", "restart"):
            _start(world, unit, name, shown.machine)


def _start(world: World, unit: str, name: str, machine: str) -> None:
    home = world.home(machine)
    if unit == "offctl-coordinator":
        path = home / "coordinator.toml"
        path.write_text(re.sub(r'listen = ".*"', f'listen = "{world.address}"', path.read_text()))
        world.stage.start(name, f"{unit} serve --config {path}")
        log = world.room / f"{name}.log"
        world.stage.wait(name, lambda: "serving " in log.read_text())
        return
    path = home / "agent.toml"
    path.write_text(path.read_text().replace("interval = 60", "interval = 5"))
    world.stage.start(name, f"{unit} run --config {path}")


def _apt(_: World, shown: Shown) -> None:
    control = (ROOT / "debian" / "control").read_text(encoding="utf-8")
    packages = set(re.findall(r"(?m)^Package: (\S+)$", control))
    _, verb, *files = shlex.split(shown.text)
    assert verb == "install", shown
    names = {re.sub(r"^\./(.*)_\*\.deb$", r"\1", file) for file in files}
    assert names, shown
    assert names <= packages, shown


def _promtool(world: World, shown: Shown) -> None:
    """tests/packaging/test_alerts.py lets it work; here it is only looked whether files exist."""
    assert re.match(r"promtool (check config|test rules) \S+$", shown.text), shown
    assert (world.home(shown.machine) / shown.text.split()[-1]).is_file(), shown


STAND_INS: dict[str, Callable[[World, Shown], None]] = {
    "systemctl": _systemctl,
    "apt": _apt,
    "promtool": _promtool,
}
