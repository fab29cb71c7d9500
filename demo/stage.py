"""Running the real programs for the demonstration, and taking everything down whatever happens."""

from collections.abc import Callable
import contextlib
import os
from pathlib import Path
import shlex
import signal
import subprocess
import sys
import time
from types import TracebackType

BIN = Path(sys.executable).parent
DEADLINE = 60.0


class Stage:
    """One directory, the programs running on it, and what they printed."""

    def __init__(self, directory: Path, *, keep: bool) -> None:
        self.directory = directory
        self.keep = keep
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, str] = {}
        self._read: dict[str, int] = {}

    def __enter__(self) -> "Stage":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.keep or kind is not None:
            self.stop(*self._running)

    @property
    def pids(self) -> list[int]:
        """The programs still running."""
        return [process.pid for process in self._running.values()]

    def runs(self, name: str) -> bool:
        """Whether that program was started and not stopped since."""
        return name in self._running

    def title(self, text: str) -> None:
        print(f"\n── {text} ", "─" * max(0, 90 - len(text)), sep="", flush=True)

    def run(self, command: str, *, expect: int = 0, show: bool = True, where: str = "") -> str:
        """Run one command; print it and what it says; its exit status must be as expected."""
        done = subprocess.run(
            self._argv(command),
            cwd=self.directory,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=DEADLINE,
        )
        if show or done.returncode != expect:
            print(f"{where}$ {command}")
            for line in done.stdout.splitlines():
                print(f"  {line}")
            sys.stdout.flush()
        if done.returncode != expect:
            raise SystemExit(f"demo: exit status {done.returncode}, not {expect}: {command}")
        return done.stdout

    def query(self, command: str) -> str:
        """What one command says on standard output, whatever its exit status."""
        return subprocess.run(
            self._argv(command),
            cwd=self.directory,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE,
        ).stdout

    def until(self, command: str) -> None:
        """Run a command again until it succeeds."""

        def succeeds() -> bool:
            done = subprocess.run(
                self._argv(command),
                cwd=self.directory,
                env=self._environment(),
                capture_output=True,
                check=False,
                timeout=DEADLINE,
            )
            return done.returncode == 0

        self.wait(command, succeeds)

    def start(self, name: str, command: str) -> None:
        """Start a program that stays; its output goes to NAME.log."""
        self._commands[name] = command
        with (self.directory / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                self._argv(command),
                cwd=self.directory,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL a program and start it again at once, as systemd would."""
        process = self._running.pop(name)
        process.kill()
        process.wait()
        self.start(name, self._commands[name])

    def stop(self, *names: str) -> None:
        """End programs in order: ask, wait, then kill."""
        for name in names:
            self._running[name].terminate()
        for name in names:
            process = self._running[name]
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for name in names:
            del self._running[name]

    def log(self, name: str) -> list[str]:
        """The complete lines a program has printed since this was last asked."""
        content = (self.directory / f"{name}.log").read_bytes()
        end = content.rfind(b"\n") + 1
        start = self._read.get(name, 0)
        self._read[name] = max(start, end)
        return content[start:end].decode("utf-8", "replace").splitlines()

    def wait(self, what: str, done: Callable[[], bool]) -> None:
        """Poll until `done`; give up with every log when it takes too long."""
        until = time.monotonic() + DEADLINE
        while not done():
            for name, process in self._running.items():
                if process.poll() is not None:
                    raise SystemExit(f"demo: {name} ended: {self._tail(name)}")
            if time.monotonic() > until:
                logs = "\n".join(f"{name}: {self._tail(name)}" for name in self._running)
                raise SystemExit(f"demo: waited too long for {what}\n{logs}")
            time.sleep(0.1)

    def _tail(self, name: str) -> str:
        return "\n".join((self.directory / f"{name}.log").read_text().splitlines()[-15:])

    def _argv(self, command: str) -> list[str]:
        program, *arguments = shlex.split(command)
        return [str(BIN / program) if (BIN / program).exists() else program, *arguments]

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "OFFCTL_CONFIG": str(self.directory / "operator.toml"),
            "COLUMNS": "118",
        }
