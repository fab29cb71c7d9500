"""/etc/pve as a plain directory: container files, the list of guests, locks, and lost quorum.

What pmxcfs would do by itself (keep .vmlist) is done at each write. Without quorum the write bits
of `nodes/NODE/lxc` are gone, as there; root could write all the same, so this room looks at them.
"""

from collections.abc import Iterator
import contextlib
import fcntl
import json
import os
from pathlib import Path
import shutil
import sys
import time

from offctl.errors import AdminError
from offctl_agent.simulated.result import CommandError

ROOT = Path("/etc/pve")
LOCKS = Path("/run/lock/lxc")
FOLDERS = (("lxc", "lxc"), ("qemu", "qemu-server"))
_WRITE = 0o200
_POLL = 0.05


class EtcPve:
    """What pctworld.Files asks for."""

    @property
    def node(self) -> str:
        return (ROOT / "local").readlink().name

    def missing(self) -> str:
        return "" if (ROOT / "local").is_symlink() else "/etc/pve is not mounted"

    def quorate(self) -> bool:
        places = (ROOT / "local", self._directory)
        return all(os.lstat(place).st_mode & _WRITE for place in places)

    def numbers(self) -> tuple[int, ...]:
        if reason := self.missing():
            raise AdminError(f"cannot list containers: {reason}")
        stems = (path.stem for path in self._directory.glob("*.conf"))
        return tuple(sorted(int(stem) for stem in stems if stem.isdecimal()))

    def guest(self, number: int) -> tuple[str, str] | None:
        found = _present().get(str(number))
        return None if found is None else (found["type"], found["node"])

    def read(self, number: int) -> bytes | None:
        try:
            return self._path(number).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, number: int, content: bytes) -> None:
        path = self._path(number)
        temporary = path.with_name(f"{path.name}.tmp.{os.getpid()}")
        if not self.quorate():
            name = f"{ROOT}/nodes/{self.node}/lxc/{temporary.name}"
            raise CommandError(f"unable to open file '{name}' - Permission denied", 2)
        temporary.write_bytes(content)
        temporary.chmod(0o640)
        with contextlib.suppress(LookupError):
            shutil.chown(temporary, group="www-data")
        temporary.rename(path)
        list_guests(number)

    def remove(self, number: int) -> None:
        self._path(number).unlink(missing_ok=True)
        list_guests()

    @contextlib.contextmanager
    def locked(self, number: int, seconds: int, code: int) -> Iterator[None]:
        LOCKS.mkdir(parents=True, exist_ok=True)
        path = LOCKS / f"pve-config-{number}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if not _taken(descriptor):
                _wait(descriptor, f"can't lock file '{path}' - got timeout", seconds, code)
            yield
        finally:
            os.close(descriptor)

    @property
    def _directory(self) -> Path:
        return ROOT / "nodes" / self.node / "lxc"

    def _path(self, number: int) -> Path:
        return self._directory / f"{number}.conf"


def list_guests(written: int = 0) -> None:
    """Bring .vmlist up to date; the entry of a file that was just written gets a new version."""
    LOCKS.mkdir(parents=True, exist_ok=True)
    with (LOCKS / "vmlist.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = ROOT / ".vmlist"
        old = json.loads(path.read_text("ascii")) if path.exists() else {"version": 0, "ids": {}}
        version = old["version"] + 1
        ids: dict[str, dict[str, str | int]] = {}
        for number, found in sorted(_present().items(), key=lambda item: int(item[0])):
            before = old["ids"].get(number, {})
            changed = number == str(written) or before.get("node") != found["node"]
            ids[number] = {**found, "version": version if changed else before["version"]}
        # An empty host has one too.
        if ids != old["ids"] or not path.exists():
            temporary = ROOT / f".vmlist.tmp.{os.getpid()}"
            temporary.write_text(json.dumps({"version": version, "ids": ids}) + "\n", "ascii")
            temporary.rename(path)


def _present() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for kind, folder in FOLDERS:
        for path in ROOT.glob(f"nodes/*/{folder}/*.conf"):
            if path.stem.isdecimal():
                found[path.stem] = {"node": path.parts[-3], "type": kind}
    return found


def _wait(descriptor: int, failure: str, seconds: int, code: int) -> None:
    sys.stderr.write("trying to acquire lock...")
    sys.stderr.flush()
    until = time.monotonic() + seconds
    while not _taken(descriptor):
        if time.monotonic() >= until:
            sys.stderr.write("\n")
            raise CommandError(failure, code)
        time.sleep(_POLL)
    sys.stderr.write(" OK\n")


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
