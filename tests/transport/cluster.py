"""A real PostgreSQL for tests: its own cluster in a directory, one socket, no network.

It runs as an unprivileged user, also when the tests are root's. fsync is on, as in production.
"""

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass, field
import itertools
import os
from pathlib import Path
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from typing import Any

import pytest

from offctl_coordinator.store.address import DEFAULT_PORT, parse_address

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 60.0
OWNER = "offctl"
CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{directory}'
max_connections = 40
shared_buffers = 16MB
max_wal_size = 64MB
autovacuum = off
log_min_messages = warning
"""


def programs() -> Path | None:
    """Where Debian has the programs of the newest PostgreSQL there is."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    return found[-1].parent if found else None


@dataclass
class Cluster:
    """Started, stopped, killed and restored as a test likes."""

    directory: Path
    programs: Path
    port: int = DEFAULT_PORT
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def make(self) -> None:
        self.run(
            *("initdb", "--pgdata", str(self.data), "--auth=trust", "--encoding=UTF8"),
            *("--username", OWNER, "--locale=C", "--no-instructions"),
        )
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(CONFIGURATION.format(directory=self.directory))

    def run(self, program: str, *arguments: str, content: bytes = b"") -> bytes:
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            input=content,
            capture_output=True,
            timeout=DEADLINE,
            check=False,
            cwd=self.directory,
            **self._user(),
        )
        assert done.returncode == 0, (program, arguments, done.stderr.decode())
        return bytes(done.stdout)

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.programs / "postgres"), "-D", str(self.data)],
                stdout=log,
                stderr=log,
                cwd=self.directory,
                **self._user(),
            )
        end = time.monotonic() + DEADLINE
        while subprocess.run(
            [
                *(str(self.programs / "pg_isready"), "-q"),
                *("-h", str(self.directory), "-p", str(self.port)),
            ],
            check=False,
            timeout=DEADLINE,
        ).returncode:
            assert self._process.poll() is None, (self.directory / "log").read_text()
            assert time.monotonic() < end, (self.directory / "log").read_text()
            time.sleep(0.05)

    def over_tcp(self, certificate: str, key: bytes, password: str) -> int:
        """Also listen on loopback, to those with a password and over TLS; gives the port."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = int(taken.getsockname()[1])
        for name, content in (("server.crt", certificate.encode()), ("server.key", key)):
            path = self.data / name
            path.write_bytes(content)
            path.chmod(0o600)
            os.chown(path, self.data.stat().st_uid, -1)
        # What people forget to close is closed here: only TLS, only with the password.
        (self.data / "pg_hba.conf").write_text(
            "local all all trust\nhostssl all locked 127.0.0.1/32 scram-sha-256\n"
        )
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(f"listen_addresses = '127.0.0.1'\nport = {port}\nssl = on\n")
        self.port = port
        self.stop()
        self.start()
        self.run(
            *self._psql("postgres"), f"CREATE ROLE locked SUPERUSER LOGIN PASSWORD '{password}'"
        )
        return port

    def _psql(self, name: str) -> tuple[str, ...]:
        where = ("-h", str(self.directory), "-p", str(self.port), "-U", OWNER)
        return ("psql", *where, "-d", name, "-qAt", "-c")

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends every session and stops cleanly; SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(DEADLINE)
            self._process = None

    def database(self, options: str = "") -> str:
        """The `database` setting for a new, empty database, made with these options."""
        name = f"db{next(self._numbers)}_{os.getpid()}"
        self.run(*self._psql("postgres"), f"CREATE DATABASE {name} {options}")
        return f"postgresql://{OWNER}@:{self.port}/{name}?host={self.directory}"

    def sql(self, database: str, statement: str) -> str:
        """What psql prints, without decoration."""
        name = parse_address(database).name
        return self.run(*self._psql(name), statement).decode().strip()

    def _user(self) -> dict[str, Any]:
        if os.geteuid():
            return {}
        nobody = pwd.getpwnam("nobody")
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _place() -> str | None:
    """In memory where there is room: programs are killed here, never the machine."""
    memory = "/dev/shm"
    roomy = Path(memory).is_dir() and shutil.disk_usage(memory).free > 1 << 30
    return memory if roomy else None


@contextlib.contextmanager
def running() -> Iterator[Cluster]:
    """A cluster of its own that answers; thrown away in the end."""
    if programs() is None and not os.geteuid():
        subprocess.run([str(ROOT / "packaging" / "tools")], check=True)
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is missing; ask root for: apt-get install postgresql")
    # A socket's path must be short, and the user must get there.
    directory = Path(tempfile.mkdtemp(prefix="offpg", dir=_place()))
    try:
        if not os.geteuid():
            os.chown(directory, pwd.getpwnam("nobody").pw_uid, -1)
        cluster = Cluster(directory, found)
        cluster.make()
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(directory)
