"""How long `offctl status` takes for a large site, and what it looks like.

python3 benchmarks/status.py [HOSTS [--serve]]

Starts a coordinator on loopback whose database holds a release and a report of each host, three of
which have something wrong, and runs `offctl status` against it. With --serve it stays up, to look
at, until Ctrl-C.
"""

import asyncio
from collections.abc import Iterator
import contextlib
from datetime import datetime, timedelta
import os
from pathlib import Path
import queue
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "tests")]

from offctl import report as reports  # noqa: E402
from offctl.desired.model import DesiredState, Mode  # noqa: E402
from offctl.tables import INSTANT  # noqa: E402
from offctl_coordinator.store import opening, schema, sqlite  # noqa: E402
from offctl_coordinator.store.records import ReleaseRecord  # noqa: E402
from transport import fleet as fleets  # noqa: E402
from transport.fleet import Fleet  # noqa: E402

RUNS = 5


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as name:
        directory, fleet = Path(name), Fleet()
        began = time.monotonic()
        with served(directory, fleet, count) as address:
            environment = configured(directory, fleet, address)
            print(f"{count} hosts made in {time.monotonic() - began:.1f} s", file=sys.stderr)
            if sys.argv[-1] == "--serve":
                print(f"export OFFCTL_CONFIG={environment['OFFCTL_CONFIG']}", flush=True)
                threading.Event().wait()
            measure(environment)


def measure(environment: dict[str, str]) -> None:
    offctl = str(Path(sys.executable).parent / "offctl")
    for words in (["status"], ["status", "--json"], ["status", "off7"], ["events"], ["--version"]):
        taken, asking, serving = [], [], []
        for _ in range(RUNS):
            before, here, began = spent(), time.process_time(), time.monotonic()
            subprocess.run([offctl, *words], env=environment, capture_output=True, check=False)
            taken.append(time.monotonic() - began)
            serving.append(time.process_time() - here)
            asking.append(spent() - before)
        told = f"median {statistics.median(taken):.2f} s, best {min(taken):.2f} s of {RUNS}"
        cpu = f"{min(asking):.2f} s of CPU, the coordinator {min(serving):.2f} s"
        print(f"offctl {' '.join(words):14} {told}; {cpu}")


def spent() -> float:
    """Seconds of CPU of the programs that were run."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def served(directory: Path, fleet: Fleet, count: int) -> Iterator[str]:
    hosts = [f"off{number}" for number in range(1, count + 1)]
    states = [
        DesiredState(fleets.SITE, host, Mode.ENFORCE, wave=2 if number > 30 else 1)
        for number, host in enumerate(hosts, 1)
    ]
    release = fleet.release_of(1, *states)
    manifest = fleets.sha256(release)
    with sqlite.opened(directory / "coordinator.db") as store:
        store.add_release(ReleaseRecord(1, manifest, release, fleets.now(), "desk"))
    fill(directory, fleet, hosts, manifest)
    with running(fleet, directory) as found:
        news(found, fleet, manifest)
        yield found.address


@contextlib.contextmanager
def running(fleet: Fleet, directory: Path) -> Iterator[fleets.Running]:
    """As the tests' own, with more patience."""
    started: queue.Queue[fleets.Running] = queue.Queue()
    stop = threading.Event()

    async def serve() -> None:
        async with fleets.serving(fleet, directory) as found:
            started.put(found)
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        yield started.get(timeout=300)
    finally:
        stop.set()
        thread.join()


def fill(directory: Path, fleet: Fleet, hosts: list[str], manifest: str) -> None:
    now = fleets.now()
    rows = []
    for host in hosts:
        pools = (reports.PoolStatus("zfs-hdd", "ONLINE", 1 << 40, 1 << 42, text(now)),)
        content = fleet.report(
            *(host, 1), time=now, manifest_sha256=manifest, serial=1, pools=pools
        )
        row = {"host": host, "stream": "a" * 16, "sequence": 1, "received": text(now)}
        rows.append({**row, "content": content})
    # All at once: each report is a transaction of its own otherwise, and waits for the disk.
    engine = opening.open_engine(directory / "coordinator.db")
    with engine.begin() as connection:
        connection.execute(schema.reports.insert(), rows)
    engine.dispose()


def news(found: fleets.Running, fleet: Fleet, manifest: str) -> None:
    """Three hosts that have something to say."""
    told = {"manifest_sha256": manifest, "serial": 1}
    now = fleets.now()
    full = "cannot set properties of zfs-hdd/off/images: out of space"
    failed = reports.ResourceStatus("dataset zfs-hdd/off/images", "failed", full)
    pool = reports.PoolStatus(
        "zfs-hdd", "DEGRADED", 97 << 40, 3 << 40, text(now - timedelta(days=3))
    )
    event = reports.Event(
        *(text(now), "dataset zfs-hdd/off/images", "set properties", "corrective", "failed", full),
        differences=(reports.Difference("atime", "on", "off"),),
        milliseconds=1200,
        serial=1,
    )
    tunnel = reports.TunnelStatus(
        *("mongo-off", "client", 113, "off", "127.0.0.1:27017", "off1", 1, "broken"),
        *(text(now - timedelta(hours=3)), "cannot connect to 10.0.0.1:27017: timed out"),
    )
    wait = reports.Wait(
        "freeze", "host off9", text(now + timedelta(hours=8)), "disk swap, alice", "wait"
    )
    for host, changes in {
        "off7": {
            "counts": reports.Counts(resources=120, failed=1),
            "resources": (failed,),
            "pools": (pool,),
            "events": (event,),
        },
        "off8": {"tunnels": (tunnel,)},
        "off9": {"waits": (wait,), "debts": ("container 113 protection=1",)},
    }.items():
        found.do(found.coordinator.report(host, fleet.report(host, 2, **told, **changes)))


def text(moment: datetime) -> str:
    return moment.strftime(INSTANT)


def configured(directory: Path, fleet: Fleet, address: str) -> dict[str, str]:
    fleets.write_trust(directory / "trust.toml", fleet.root())
    (directory / "desk.crt").write_text(fleet.operator.certificate)
    (directory / "desk.key").write_bytes(fleet.operator.key)
    path = directory / "config.toml"
    path.write_text(
        f'[coordinator]\naddress = "{address}"\ntrust = "trust.toml"\n'
        'certificate = "desk.crt"\nkey = "desk.key"\n'
    )
    return {**os.environ, "OFFCTL_CONFIG": str(path)}


if __name__ == "__main__":
    main()
