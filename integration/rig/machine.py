"""One guest: its power, its programs and files, its console."""

from collections.abc import Callable
import contextlib
import io
from pathlib import Path
import shutil
import socket
import subprocess
import tarfile
import time

from integration.rig import control, process, qmp
from integration.rig.control import DEADLINE, Done, GuestError
from integration.rig.hardware import Hardware
from integration.rig.process import RigError

BOOT_DEADLINE = 300.0
PACKED = "/run/rig-put.tar"


class Machine:
    """A guest on its own disks; `power_on` may be called by the main thread only."""

    def __init__(
        self, name: str, home: Path, hardware: Hardware, boot: Path, disks: tuple[Path, ...]
    ) -> None:
        self.name = name
        self.home = home
        self._hardware = hardware
        self._boot = boot
        self.disks = disks
        self._process: subprocess.Popen[bytes] | None = None
        self._qmp: qmp.Qmp | None = None
        self._control: control.Control | None = None
        self._forwards: dict[int, int] = {}
        home.mkdir(parents=True, exist_ok=True)

    # --- power

    @property
    def running(self) -> bool:
        """Whether it has power."""
        return self._process is not None and self._process.poll() is None

    def power_on(self, state: Path | None = None) -> None:
        """Start it, from a saved state if one is given; `wait_ready` tells when it answers."""
        argv = self._hardware.argv(self._boot, self.disks, self.home)
        if state is not None:
            argv += ["-incoming", f"exec:cat {state}"]
        for left in ("qmp.sock", "control.sock", "console.sock", "lan.sock"):
            (self.home / left).unlink(missing_ok=True)
        self._process = process.start(argv, cwd=self.home, log=self.home / "qemu.log")
        try:
            self._qmp = qmp.Qmp(self.home / "qmp.sock", lambda: self.running)
            self._control = control.Control(
                self.home / "control.sock", self.name, lambda: self.running
            )
        except RigError as error:
            said = (self.home / "qemu.log").read_text(errors="replace")
            self.kill()
            raise RigError(f"cannot start {self.name}: {error}\n{said}") from error

    def wait_ready(self, *, timeout: float = BOOT_DEADLINE) -> None:
        """Wait until it does what it is told; after a restore, let it go on first."""
        assert self._qmp is not None
        until = time.monotonic() + timeout
        while (status := self._qmp.command("query-status")["status"]) == "inmigrate":
            if time.monotonic() > until:
                raise RigError(f"cannot restore {self.name}: not done in {timeout:.0f} s")
            time.sleep(0.02)
        if status != "running":
            self._qmp.command("cont")
        try:
            self.control.call("ping", timeout=max(1.0, until - time.monotonic()))
        except GuestError as error:
            raise GuestError(f"{error}; its console says:\n{self.console()[-3000:]}") from error
        for port, host_port in self._forwards.items():
            self._open(port, host_port)

    def kill(self) -> None:
        """Take the power away, now."""
        if self._qmp is not None:
            self._qmp.close()
            self._qmp = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._control is not None:
            self._control.close()
            self._control = None

    def power_cycle(self) -> None:
        """Take the power away and boot again from the same disks."""
        self.kill()
        self.boot()

    def boot(self) -> None:
        """Boot from the disks and wait until it answers."""
        self.power_on()
        self.wait_ready()

    def reboot(self) -> None:
        """Shut down in order, as `reboot` does, and boot again."""
        assert self._process is not None
        # It may be gone before it can answer.
        with contextlib.suppress(GuestError):
            self.run("systemctl", "--no-block", "reboot")
        try:
            # QEMU ends where a machine would start again.
            self._process.wait(timeout=BOOT_DEADLINE)
        except subprocess.TimeoutExpired:
            raise GuestError(f"{self.name}: did not shut down\n{self.console()[-3000:]}") from None
        self.kill()
        self.boot()

    def save(self, state: Path) -> None:
        """Write the state of the whole machine to a file and take the power away."""
        assert self._qmp is not None
        self._qmp.command("stop")
        self._qmp.command("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        self._qmp.command("migrate", uri=f"exec:cat > {state}")
        until = time.monotonic() + BOOT_DEADLINE
        while (status := self._qmp.command("query-migrate").get("status")) != "completed":
            if status == "failed" or time.monotonic() > until:
                raise RigError(f"cannot save the state of {self.name}: {status}")
            time.sleep(0.05)
        # In order, so that the disks are written out.
        process_ = self._process
        assert process_ is not None
        self._qmp.command("quit")
        process_.wait(timeout=60)
        self.kill()

    # --- inside

    @property
    def control(self) -> control.Control:
        """The channel to it. Raises RigError when its power is off."""
        if self._control is None:
            raise RigError(f"cannot reach {self.name}: its power is off")
        return self._control

    def run(
        self,
        *argv: str,
        check: bool = True,
        stdin: str | bytes = b"",
        timeout: float = DEADLINE,
        env: dict[str, str] | None = None,
    ) -> Done:
        """Run a program to its end. Raises GuestError when it fails, unless `check` is false."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = self.control.run(argv, stdin=data, timeout=timeout, env=env)
        if check and done.code != 0:
            told = f"{done.stdout}{done.stderr}".strip()
            raise GuestError(f"{self.name}: status {done.code}: {' '.join(argv)}\n{told}")
        return done

    def sh(self, script: str, *, check: bool = True, timeout: float = DEADLINE) -> Done:
        """Run a few lines of shell; the first that fails ends it."""
        return self.run("/bin/sh", "-euc", script, check=check, timeout=timeout)

    def out(self, *argv: str, timeout: float = DEADLINE) -> str:
        """What a program prints, without the newline at its end."""
        return self.run(*argv, timeout=timeout).stdout.rstrip("\n")

    def put(self, path: str, data: str | bytes | Path, *, mode: int = 0o644) -> None:
        """Write a file in the guest: text, bytes, or what a path of this machine holds.

        A directory comes with all that is in it, and keeps modes.
        """
        if isinstance(data, Path) and data.is_dir():
            self.run("mkdir", "-p", path)
            self.put(PACKED, _packed(data))
            self.run("tar", "-C", path, "-xf", PACKED, "--no-same-owner")
            return
        content = data.read_bytes() if isinstance(data, Path) else data
        raw = content.encode() if isinstance(content, str) else content
        self.control.put(path, raw, mode)

    def get(self, path: str) -> bytes:
        """Read a file of the guest."""
        return self.control.get(path)

    def text(self, path: str) -> str:
        """Read a text file of the guest."""
        return self.get(path).decode()

    def until(
        self,
        what: str,
        condition: Callable[[], bool],
        *,
        timeout: float = DEADLINE,
        every: float = 0.3,
    ) -> float:
        """Wait for a condition; how long it took. Raises GuestError.

        Looking `every` so many seconds takes its share of what the guest should be doing.
        """
        start = time.monotonic()
        while not condition():
            if time.monotonic() - start > timeout:
                raise GuestError(f"{self.name}: waited {timeout:.0f} s in vain for {what}")
            time.sleep(every)
        return time.monotonic() - start

    # --- around

    def forward(self, port: int) -> int:
        """A port of this machine's loopback that leads to a TCP port of the guest."""
        if port not in self._forwards:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                chosen: int = probe.getsockname()[1]
            self._open(port, chosen)
            self._forwards[port] = chosen
        return self._forwards[port]

    def console(self) -> str:
        """What the guest has said on its console since its first boot."""
        with contextlib.suppress(FileNotFoundError):
            return (self.home / "console.log").read_text(errors="replace")
        return ""

    def collect(self, target: Path) -> None:
        """Keep console and journal where a person finds them after a failure."""
        target.mkdir(parents=True, exist_ok=True)
        for log in ("console.log", "qemu.log"):
            with contextlib.suppress(OSError):
                shutil.copy(self.home / log, target / f"{self.name}.{log}")
        with contextlib.suppress(RigError, GuestError):
            journal = self.run("journalctl", "--no-pager", "-o", "short-precise", check=False)
            (target / f"{self.name}.journal").write_text(journal.stdout)

    def _open(self, port: int, host_port: int) -> None:
        assert self._qmp is not None
        self._qmp.monitor(f"hostfwd_add outside tcp:127.0.0.1:{host_port}-10.0.2.15:{port}")


def _packed(directory: Path) -> bytes:
    """A directory's content as a tar archive, without what Python leaves in source trees."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(directory, ".", filter=lambda entry: None if "__pycache__" in entry.name else entry)
    return archive.getvalue()
