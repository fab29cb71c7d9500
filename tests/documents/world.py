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
import shutil
import socket
import subprocess

from demo import story
from demo.stage import BIN, Stage
from documents.reading import Shown, Written
from unitfiles import NAMES, ROOT

DESK = "desk"
HOSTS = {**story.HOSTS, "off3": ("rpool", "zfs-hdd")}
MACHINES = (DESK, "coordinator", *HOSTS)
ADDRESS = "coordinator.example.org:7643"
EXAMPLES = "/usr/share/doc/offctl/examples"
SECONDS = 300.0
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

# What a reader reads off the screen: after which command, the word for it, where it stands.
READ = (
    ("offctl key new release.pem", "RELEASE_KEY", r"(ed25519:\S+)"),
    ("offctl key new new.pem", "NEW_KEY", r"(ed25519:\S+)"),
    ("offctl key new again.pem", "AGAIN_KEY", r"(ed25519:\S+)"),
    ("offctl-coordinator init", "TIMESTAMP_KEY", r'timestamp_key = "(\S+)"'),
    ("offctl trust show trust.toml", "NEXT_VERSION", r"trust root (\d+)"),
    ("offctl-agent plan", "HASH", r"offctl-agent approve ([0-9a-f]{12,64})"),
)

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
        if machine in HOSTS:
            pools = HOSTS[machine]
            held = [pool for pool in pools if pool != "rpool" or len(pools) == 1]
            made = [f"--pool {p}" for p in pools] + [f"--storage {p}={p}/pve" for p in held]
            self.stage.run(
                f"offctl-simhost {machine}/machine --node {machine} init {' '.join(made)}",
                show=False,
            )
            for tool in ("zfs", "pct"):
                self._script(programs / tool, f'exec {BIN}/offctl-simhost machine {tool} "$@"')
            config = f"--config {home}/agent.toml"
            self._script(
                programs / "offctl-agent",
                f'case $1 in init) set -- "$@" --simulated machine ;; esac\n'
                f'exec {BIN}/offctl-agent "$@" {config}',
            )
        self._script(programs / "scp", _SCP.format(room=self.room))
        empty = self.room / ".journal"
        empty.mkdir(exist_ok=True)
        # Its own parser, over an empty journal; `packaging/tools` sees that it is there in CI.
        real = shutil.which("journalctl") or "true"
        self._script(programs / "journalctl", f'exec {real} -q --directory={empty} "$@"')

    def _script(self, path: Path, text: str) -> None:
        path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def wipe(self, machine: str) -> None:
        """The machine's own disk is gone; on a host its pools and containers are there."""
        for path in self.home(machine).iterdir():
            if path.name == "machine":
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def write(self, written: Written) -> None:
        """What a reader writes; a file that is there gets it at its end."""
        name = self._meant(written.path, written.machine).replace("~", str(self.room))
        path = self.home(written.machine) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = self._meant(written.text, written.machine)
        path.write_text((path.read_text() + "\n" if path.exists() else "") + text)

    def type(self, shown: Shown) -> str:
        """Type one command; what it printed."""
        name = stand_in_of(shown.text)
        if name:
            self.stood_in.append(shown)
            STAND_INS[name](self, shown)
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
        said = done.stdout + done.stderr
        self._read(shown.text, said)
        return said

    def _read(self, text: str, said: str) -> None:
        """What a reader takes from the screen, to fill it in further down."""
        for command, word, pattern in READ:
            found = re.search(pattern, said)
            if text.startswith(command) and found:
                value = int(found[1]) + 1 if word == "NEXT_VERSION" else found[1]
                self.words[word] = str(value)

    def _allowed(self, text: str) -> set[int]:
        found = {0}
        for command, statuses in TELLING.items():
            if text.startswith(command):
                found |= statuses
        return found

    def _meant(self, text: str, machine: str) -> str:
        for name, value in self.words.items():
            text = re.sub(rf"\b{name}\b", value, text)
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
    assert verb in ("start", "stop", "restart", "status"), shown
    assert units, shown
    assert set(units) <= set(NAMES), shown
    for unit in units:
        name = f"{unit.removeprefix('offctl-')}-{shown.machine}"
        if verb == "status":
            assert world.stage.runs(name), shown
        if verb in ("stop", "restart") and world.stage.runs(name):
            world.stage.stop(name)
            world.stage.log(name)
        if verb in ("start", "restart"):
            _start(world, unit, name, shown.machine)


def _start(world: World, unit: str, name: str, machine: str) -> None:
    home = world.home(machine)
    if unit == "offctl-coordinator":
        path = home / "coordinator.toml"
        path.write_text(re.sub(r'listen = ".*"', f'listen = "{world.address}"', path.read_text()))
        world.stage.start(name, f"{unit} serve --config {path}")
        # Of its own start, not of an earlier one in the same log.
        world.stage.wait(name, lambda: any("serving " in line for line in world.stage.log(name)))
        return
    path = home / "agent.toml"
    path.write_text(path.read_text().replace("interval = 60", "interval = 15"))
    world.stage.start(name, f"{unit} run --config {path}")


def _apt(world: World, shown: Shown) -> None:
    """Packages of ours, as they are called; tests/packaging builds and installs them."""
    del world
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


def _snapshot(_: World, shown: Shown) -> None:
    """Simulated hosts have no streams; a name is one of a snapshot, and of nothing below it."""
    assert re.fullmatch(r"zfs snapshot [a-z0-9/-]+@\w+", shown.text), shown


def _send(world: World, shown: Shown) -> None:
    """The first stream of a dataset makes it, as replication does; a later one changes nothing."""
    found = re.fullmatch(
        r"zfs send (-i @\w+ )?[a-z0-9/-]+@\w+ \| zfs receive -u ([a-z0-9/-]+)", shown.text
    )
    assert found, shown
    if not found[1]:
        machine = f"offctl-simhost {shown.machine}/machine"
        world.stage.run(f"{machine} zfs receive {found[2]}", show=False)


def _written(world: World, shown: Shown) -> None:
    """Simulated hosts do not count what was written; it is asked of a dataset that is there."""
    found = re.fullmatch(r"zfs get -Hp -o value written@\w+ ([a-z0-9/-]+)", shown.text)
    assert found, shown
    world.stage.run(
        f"offctl-simhost {shown.machine}/machine zfs list {found[1]}",
        show=False,
    )


STAND_INS: dict[str, Callable[[World, Shown], None]] = {
    "systemctl": _systemctl,
    "apt": _apt,
    "promtool": _promtool,
    "zfs snapshot": _snapshot,
    "zfs send": _send,
    "zfs get": _written,
}


def stand_in_of(text: str) -> str:
    """The stand-in that a command gets, by its first words; empty for what is really run."""
    words = text.split()
    return next((name for name in (words[0], " ".join(words[:2])) if name in STAND_INS), "")
