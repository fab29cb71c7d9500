"""The program itself: init, serve, signals, kills, configuration errors."""

from collections.abc import Callable
from pathlib import Path
import re
import signal
import sys
import threading
import time
import tomllib

import pytest

from offctl import errors
from offctl.trust import root
from offctl_cli.client import Client
from offctl_cli.connection import Connection
from offctl_coordinator.__main__ import main
from transport import fleet as fleets
from transport import processes
from transport.fleet import Fleet, Pair, sha256

PROGRAM = "offctl_coordinator"


def connection(fleet: Fleet, address: str, directory: Path) -> Connection:
    own = (directory / "operator.cert.pem", directory / "operator.key.pem")
    own[0].write_text(fleet.operator.certificate)
    own[1].write_bytes(fleet.operator.key)
    return Connection(
        address,
        fleet.server.certificate.encode(),
        fleet.operator.certificate.encode(),
        fleet.operator.key,
        own,
        fleet.root(),
    )


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command line in this process."""
    old, sys.argv = sys.argv, ["offctl-coordinator", *arguments]
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = old
    code = ended.value.code
    out, err = capsys.readouterr()
    return code if isinstance(code, int) else 0, out, err


def test_init_prints_what_a_trust_root_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "coordinator"
    code, out, _ = call(capsys, "init", str(directory), "--name", "one")
    assert code == 0
    lines = tomllib.loads(out)
    fleet = Fleet()
    text = root.dump(fleet.root(coordinators=())).decode()
    # An operator replaces the timestamp key and appends the rest.
    old = fleet.timestamp_key.public.text
    pasted = text.replace(old, lines["timestamp_key"]) + out[out.index("[coordinators") :]
    trust = root.parse(pasted.encode())
    certificate = (directory / "server.cert.pem").read_text()
    assert [(name, pem.strip()) for name, pem in trust.coordinators] == [
        ("one", certificate.strip())
    ]
    assert directory.stat().st_mode & 0o777 == 0o700
    for secret in ("server.key.pem", "timestamp.key.pem"):
        assert (directory / secret).stat().st_mode & 0o777 == 0o600
    assert (
        call(capsys, "show", "--name", "one", "--config", f"{directory}/coordinator.toml")[1]
        == out.partition("# next")[0]
    )


@pytest.mark.parametrize(
    "existing", ["server.key.pem", "server.cert.pem", "timestamp.key.pem", "coordinator.toml"]
)
def test_init_overwrites_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], existing: str
) -> None:
    (tmp_path / existing).write_text("precious")
    code, out, err = call(capsys, "init", str(tmp_path), "--name", "one")
    assert (code, out) == (2, "")
    assert f"cannot create {tmp_path / existing}: it exists" in err
    assert [path.name for path in tmp_path.iterdir()] == [existing]
    assert (tmp_path / existing).read_text() == "precious"


def _remove(name: str) -> Callable[[Path, Fleet], None]:
    def remove(directory: Path, fleet: Fleet) -> None:
        (directory / name).unlink()

    return remove


def _other_server(directory: Path, fleet: Fleet) -> None:
    fleets.write_trust(
        directory / "trust.toml", fleet.root(coordinators=(("one", Pair.make("x").certificate),))
    )


def _other_timestamp_key(directory: Path, fleet: Fleet) -> None:
    fleets.write_trust(
        directory / "trust.toml",
        fleet.root(timestamp_key=Fleet().timestamp_key.public),
    )


def _no_operator(directory: Path, fleet: Fleet) -> None:
    fleets.write_trust(directory / "trust.toml", fleet.root(operators=()))


def _other_key(directory: Path, fleet: Fleet) -> None:
    (directory / "server.key.pem").write_bytes(Pair.make("x").key)


def _readable_key(directory: Path, fleet: Fleet) -> None:
    (directory / "timestamp.key.pem").chmod(0o640)


def _damaged_key(directory: Path, fleet: Fleet) -> None:
    (directory / "server.key.pem").write_bytes(b"damaged")


def _unknown_setting(directory: Path, fleet: Fleet) -> None:
    with (directory / "coordinator.toml").open("a") as file:
        file.write('listne = "x"\n')


def _bad_address(directory: Path, fleet: Fleet) -> None:
    config = directory / "coordinator.toml"
    config.write_text(config.read_text().replace("127.0.0.1:0", "127.0.0.1"))


def _foreign_address(directory: Path, fleet: Fleet) -> None:
    config = directory / "coordinator.toml"
    config.write_text(config.read_text().replace("127.0.0.1:0", "203.0.113.9:7643"))


def _database_is_directory(directory: Path, fleet: Fleet) -> None:
    (directory / "coordinator.db").mkdir()


UNUSABLE = {
    "no trust root": (_remove("trust.toml"), "trust.toml: no such file"),
    "no key": (_remove("server.key.pem"), "server.key.pem: no such file"),
    "not in the trust root": (_other_server, "no coordinator of .* has this certificate"),
    "another timestamp key": (_other_timestamp_key, "its public half is"),
    "no operator": (_no_operator, "it names no operator"),
    "another server key": (_other_key, "is not the key of"),
    "damaged key": (_damaged_key, "is not the key of"),
    "key readable by others": (_readable_key, "its mode is 0640"),
    "unknown setting": (_unknown_setting, "unknown key 'listne'"),
    "bad address": (_bad_address, "'listen' must be like"),
    "an address that is not ours": (_foreign_address, "cannot listen on 203.0.113.9:7643"),
    "database is a directory": (_database_is_directory, "not a regular file"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_wrong_set_up_is_said_clearly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    spoil, cause = UNUSABLE[case]
    fleet = Fleet()
    directory = tmp_path / "coordinator"
    config = processes.coordinator_directory(directory, fleet)
    spoil(directory, fleet)
    code, out, err = call(capsys, "serve", "--config", str(config))
    assert (code, out) == (2, "")
    assert re.search(cause, err), err
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    fleet = Fleet()
    config = processes.coordinator_directory(tmp_path / "coordinator", fleet)
    with processes.started(PROGRAM, "serve", "--config", str(config)) as process:
        line = processes.first_line(process)
        assert line.startswith("serving openfoodfacts on 127.0.0.1:")
        with Client(connection(fleet, line.rpartition(" ")[2], tmp_path)) as client:
            assert client.publish(fleet.release(1, "off1")).serial == 1
        process.send_signal(number)
        assert process.wait(5) == 0


def test_a_second_one_on_the_same_database_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = processes.coordinator_directory(tmp_path / "coordinator", Fleet())
    with processes.started(PROGRAM, "serve", "--config", str(config)) as process:
        processes.first_line(process)
        code, _, err = call(capsys, "serve", "--config", str(config))
        assert code == 2
        assert "another coordinator is running already [ALREADY_RUNNING]" in err


def test_a_hangup_signal_reads_the_trust_root_again(tmp_path: Path) -> None:
    fleet = Fleet()
    directory = tmp_path / "coordinator"
    config = processes.coordinator_directory(directory, fleet)
    spare = Pair.make("spare")
    with processes.started(PROGRAM, "serve", "--config", str(config)) as process:
        address = processes.first_line(process).rpartition(" ")[2]
        newer = fleet.root(
            version=2,
            operators=(("desk", fleet.operator.certificate), ("spare", spare.certificate)),
        )
        fleets.write_trust(directory / "trust.toml", newer)
        process.send_signal(signal.SIGHUP)
        fleet.operator = spare
        end = time.monotonic() + 10
        while True:
            try:
                with Client(connection(fleet, address, tmp_path)) as client:
                    assert client.list_hosts().serial == 0
                break
            except errors.OffctlError:
                assert time.monotonic() < end, "spare is not let in"
        # A broken one changes nothing.
        (directory / "trust.toml").write_text("broken")
        process.send_signal(signal.SIGHUP)
        with Client(connection(fleet, address, tmp_path)) as client:
            assert client.list_hosts().serial == 0


def test_killed_while_publishing_it_has_the_old_or_the_new_release_whole(tmp_path: Path) -> None:
    fleet = Fleet()
    hosts = [f"host{number}" for number in range(8)]
    config = processes.coordinator_directory(tmp_path / "coordinator", fleet)
    releases = {serial: fleet.release(serial, *hosts) for serial in range(1, 13)}
    known = 0
    usual = 0.0
    for serial in range(2, 13):
        with processes.started(PROGRAM, "serve", "--config", str(config)) as process:
            address = processes.first_line(process).rpartition(" ")[2]
            with Client(connection(fleet, address, tmp_path)) as client:
                listed = client.list_hosts()
                # What was acknowledged is there; what was not is there whole, or not at all.
                assert listed.serial in {known, serial - 1}
                if not usual:
                    client.publish(releases[1])
                    began = time.monotonic()
                    known = client.publish(releases[2]).serial
                    usual = time.monotonic() - began
                    continue
                assert listed.manifest_sha256 == sha256(releases[listed.serial])
                assert [status.host for status in listed.hosts] == hosts
                # From before it arrives until after it is answered, step by step.
                killer = threading.Timer(usual * (serial - 3) / 8, process.kill)
                killer.start()
                try:
                    known = client.publish(releases[serial]).serial
                except errors.OffctlError:
                    known = listed.serial
                killer.join()
