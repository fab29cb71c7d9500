"""Two coordinators as programs on one PostgreSQL: killed at any moment, and hosts that go on."""

import asyncio
from collections.abc import Iterator
import contextlib
from dataclasses import dataclass, field
from pathlib import Path
import shutil
import subprocess
import threading
import time

import pytest

from offctl import errors
from offctl_cli.client import Client
from offctl_cli.connection import Connection
from offctl_courier.client import GrpcCoordinator
from offctl_courier.pins import Pins
from transport import fleet as fleets
from transport import processes
from transport.cluster import Cluster
from transport.fleet import Fleet, sha256

PROGRAM = "offctl_coordinator"
SOON = 20.0
HOSTS = ("off1", "off2", "ovh1")


@dataclass
class Programs:
    """Two coordinators, each killed and started anew as often as a test likes."""

    fleet: Fleet
    configs: tuple[Path, Path]
    stack: contextlib.ExitStack
    running: "list[subprocess.Popen[str]]" = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def start(self, number: int) -> None:
        process = self.stack.enter_context(
            processes.started(PROGRAM, "serve", "--config", str(self.configs[number]))
        )
        address = processes.first_line(process).rpartition(" ")[2]
        # The same port again: that is what hosts have in their configuration.
        text = self.configs[number].read_text()
        self.configs[number].write_text(text.replace('"127.0.0.1:0"', f'"{address}"'))
        self.running[number : number + 1] = [process]
        self.addresses[number : number + 1] = [address]

    def kill(self, number: int) -> None:
        self.running[number].kill()
        self.running[number].wait(SOON)

    def client(self, number: int, directory: Path, *others: str) -> Client:
        own = (directory / "operator.cert.pem", directory / "operator.key.pem")
        own[0].write_text(self.fleet.operator.certificate)
        own[1].write_bytes(self.fleet.operator.key)
        return Client(
            Connection(
                self.addresses[number],
                self.fleet.server.certificate.encode(),
                self.fleet.operator.certificate.encode(),
                self.fleet.operator.key,
                own,
                self.fleet.root(),
                others,
            )
        )

    def serial(self, number: int, directory: Path) -> int:
        """What it serves; -1 for nothing it could say."""
        try:
            with self.client(number, directory) as client:
                return client.list_hosts().serial
        except errors.OffctlError:
            return -1

    def know(self, serial: int, directory: Path, *numbers: int) -> None:
        end = time.monotonic() + SOON
        for number in numbers or (0, 1):
            while (found := self.serial(number, directory)) != serial:
                assert time.monotonic() < end, f"{number} serves {found}, not {serial}"
                time.sleep(0.05)


@pytest.fixture
def programs(tmp_path: Path, cluster: Cluster) -> Iterator[Programs]:
    fleet, url = Fleet(), cluster.database()
    first = processes.coordinator_directory(tmp_path / "one", fleet)
    # The second one has the keys of the first, as one name for both has.
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    both = (first, tmp_path / "two" / first.name)
    for config in both:
        text = config.read_text().replace('database = "coordinator.db"', f'database = "{url}"')
        config.write_text(text + 'state = "."\n')
    with contextlib.ExitStack() as stack:
        found = Programs(fleet, both, stack)
        found.start(0)
        found.start(1)
        yield found


def test_either_is_killed_at_any_moment_and_no_serial_is_lost_or_forked(
    programs: Programs, tmp_path: Path
) -> None:
    fleet = programs.fleet
    acknowledged: dict[int, str] = {}
    offered: dict[int, set[str]] = {}
    serial = 1
    for turn in range(6):
        at, other = turn % 2, 1 - turn % 2
        release = fleet.release(serial, *HOSTS)
        offered.setdefault(serial, set()).add(sha256(release))
        killer = threading.Timer(0.03 * turn, programs.kill, (at,))
        killer.start()
        with contextlib.suppress(errors.OffctlError), programs.client(at, tmp_path) as client:
            client.publish(release)
            acknowledged[serial] = sha256(release)
        killer.join()
        # The same serial, with other content, at the other one: it wins only where nothing did.
        second = fleet.release(serial, *HOSTS[:2])
        offered[serial].add(sha256(second))
        code = ""
        try:
            with programs.client(other, tmp_path) as client:
                client.publish(second)
        except errors.RefusedError as error:
            code = error.code
        assert code in {"", "EQUIVOCATION"}
        assert not (code == "" and serial in acknowledged)
        acknowledged.setdefault(serial, sha256(release if code else second))
        programs.start(at)
        programs.know(serial, tmp_path)
        for number in (0, 1):
            with programs.client(number, tmp_path) as client:
                assert client.list_hosts().manifest_sha256 == acknowledged[serial]
                history = {each.serial: each.manifest_sha256 for each in client.history()}
                assert history == acknowledged
        serial += 1


def test_an_operator_goes_on_at_the_next_address(
    programs: Programs, cluster: Cluster, tmp_path: Path
) -> None:
    other = programs.addresses[1]
    with programs.client(0, tmp_path, other) as client:
        assert client.publish(programs.fleet.release(1, *HOSTS)).serial == 1
    programs.know(1, tmp_path)
    programs.kill(0)
    with programs.client(0, tmp_path, "127.0.0.1:1", other) as client:
        assert client.list_hosts().serial == 1
    with (
        pytest.raises(errors.UnreachableError, match=r"nobody answers at 127\.0\.0\.1:1"),
        programs.client(0, tmp_path, "127.0.0.1:1") as client,
    ):
        client.list_hosts()
    # One that answers, but cannot say what is current, is passed over too.
    programs.start(0)
    cluster.stop()
    try:
        with (
            pytest.raises(errors.UnreachableError, match=programs.addresses[1]),
            programs.client(0, tmp_path, other) as client,
        ):
            client.list_hosts()
    finally:
        cluster.start()
    programs.know(1, tmp_path)


async def test_a_host_goes_on_at_the_other_one(programs: Programs, tmp_path: Path) -> None:
    fleet = programs.fleet
    with programs.client(0, tmp_path) as client:
        await asyncio.to_thread(client.publish, fleet.release(1, *HOSTS))
    await asyncio.to_thread(programs.know, 1, tmp_path)
    host = fleet.host("off1")
    pins = Pins(1, fleet.server.certificate.encode(), host.certificate.encode(), host.key)
    sequence = 0
    for turn in range(4):
        at = turn % 2
        await asyncio.to_thread(programs.kill, at)
        with programs.client(1 - at, tmp_path) as client:
            release = fleet.release(turn + 2, *HOSTS)
            await asyncio.to_thread(client.publish, release)
        courier = GrpcCoordinator(programs.addresses[1 - at], pins, deadline=SOON)
        offer = await courier.fetch(b"", 0)
        assert offer.envelope == release.envelope
        for _ in range(3):
            sequence += 1
            await courier.report(fleet.report("off1", sequence))
            # It may not have heard the answer, and hands it in again, here or there.
            await courier.report(fleet.report("off1", sequence))
        await courier.close()
        await asyncio.to_thread(programs.start, at)
        await asyncio.to_thread(programs.know, turn + 2, tmp_path)
    for number in (0, 1):
        with programs.client(number, tmp_path) as client:
            listed = {each.host: each for each in client.list_hosts().hosts}
            assert listed["off1"].reported is not None
            assert listed["off1"].contacted is not None
    assert fleets.SITE
