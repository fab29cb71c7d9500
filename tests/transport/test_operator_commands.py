"""`offctl publish` and `offctl history` with a real coordinator, and every way not to reach one."""

from collections.abc import Callable, Iterator
import contextlib
from datetime import timedelta
import json
from pathlib import Path
import socket
import threading

from click.testing import CliRunner, Result
import pytest

from offctl import certificates, errors
from offctl.api.v1 import operator_pb2
from offctl.trust.release import SignedRelease
from offctl_cli import connection as connections
from offctl_cli.client import Client
from offctl_cli.commands import history, publish
from transport import fleet as fleets
from transport.fleet import Fleet, Pair, served, sha256


def configure(directory: Path, fleet: Fleet, address: str, pair: Pair | None = None) -> Path:
    """An operator's configuration, as the documentation says to write it."""
    own = pair or fleet.operator
    fleets.write_trust(directory / "trust.toml", fleet.root())
    (directory / "desk.cert.pem").write_text(own.certificate)
    (directory / "desk.key.pem").write_bytes(own.key)
    path = directory / "config.toml"
    path.write_text(
        f'[coordinator]\naddress = "{address}"\ntrust = "trust.toml"\n'
        'certificate = "desk.cert.pem"\nkey = "desk.key.pem"\n'
    )
    return path


def offctl(command: object, config: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(
        command,  # type: ignore[arg-type]
        arguments,
        env={"OFFCTL_CONFIG": str(config)},
    )
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def write(directory: Path, release: SignedRelease) -> str:
    path = directory / "release.json"
    path.write_bytes(release.dump())
    return str(path)


def test_publish_says_what_was_published_and_when_it_was_already(tmp_path: Path) -> None:
    fleet = Fleet()
    file = write(tmp_path, fleet.release(7, "off1", "off2"))
    with served(fleet, tmp_path) as running:
        config = configure(tmp_path, fleet, running.address)
        first = offctl(publish.command, config, file)
        assert first.output == "published release 7 for 2 hosts: off1, off2\n"
        again = offctl(publish.command, config, file)
        assert again.output == "release 7 is already current\n"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda fleet: fleet.release(6, "off1"), "ROLLBACK"),
        (lambda fleet: fleet.release(7, "off1", "off2"), "EQUIVOCATION"),
        (lambda fleet: Fleet().release(8, "off1"), "SIG_INVALID"),
    ],
)
def test_publish_passes_the_refusal_on(
    tmp_path: Path, make: Callable[[Fleet], SignedRelease], code: str
) -> None:
    fleet = Fleet()
    with served(fleet, tmp_path, fleet.release(7, "off1")) as running:
        config = configure(tmp_path, fleet, running.address)
        with pytest.raises(errors.RefusedError) as refused:
            offctl(publish.command, config, write(tmp_path, make(fleet)))
    assert refused.value.code == code
    assert str(refused.value).startswith("cannot accept ")


def test_history_lists_newest_first(tmp_path: Path) -> None:
    fleet = Fleet()
    releases = [fleet.release(3, "off1"), fleet.release(5, "off1", "off2")]
    with served(fleet, tmp_path, *releases) as running:
        config = configure(tmp_path, fleet, running.address)
        lines = offctl(history.command, config).output.splitlines()
        assert [line.split()[0] for line in lines] == ["SERIAL", "5", "3"]
        values = json.loads(offctl(history.command, config, "--json", "--limit", "1").output)
        assert [(v["serial"], v["hosts"], v["operator"]) for v in values] == [(5, 2, "desk")]
        assert values[0]["manifest_sha256"] == sha256(releases[1])


def test_an_empty_history_says_so(tmp_path: Path) -> None:
    fleet = Fleet()
    with served(fleet, tmp_path) as running:
        config = configure(tmp_path, fleet, running.address)
        assert offctl(history.command, config).output == "nothing has been published yet\n"
        assert json.loads(offctl(history.command, config, "--json").output) == []


def test_the_client_gives_plain_values(tmp_path: Path) -> None:
    fleet = Fleet()
    release = fleet.release(7, "off1", "off2")
    with served(fleet, tmp_path, release) as running:
        configure(tmp_path, fleet, running.address)
        with Client(connect(tmp_path, running.address)) as client:
            listed = client.list_hosts()
            assert (listed.site, listed.serial) == (fleets.SITE, 7)
            assert listed.manifest_sha256 == sha256(release)
            assert listed.expires is not None
            assert listed.expires > fleets.now()
            assert [(s.host, s.state, s.mode, s.reported) for s in listed.hosts] == [
                ("off1", "awaited", "enforce", None),
                ("off2", "awaited", "enforce", None),
            ]
            detail = client.get_host("off1")
            assert (detail.status, detail.report) == (listed.hosts[0], b"")
            with pytest.raises(errors.NotFoundError):
                client.get_host("off9")


def test_a_coordinator_that_is_older_is_told_from_one_that_errs(tmp_path: Path) -> None:
    fleet = Fleet()
    with served(fleet, tmp_path, fleet.release(7, "off1")) as running:
        configure(tmp_path, fleet, running.address)
        with Client(connect(tmp_path, running.address)) as client:
            known = "/offctl.api.v1.OperatorService/NotYetThere"
            client._stub.GetOverview = client._channel.unary_unary(
                known, request_serializer=operator_pb2.GetOverviewRequest.SerializeToString
            )
            with pytest.raises(errors.AdminError, match="older than this one"):
                client.get_overview()


def connect(directory: Path, address: str) -> connections.Connection:
    return connections.resolve(
        address,
        directory / "trust.toml",
        directory / "desk.cert.pem",
        directory / "desk.key.pem",
    )


@contextlib.contextmanager
def listener(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does `answer` with each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with server.accept()[0] as accepted, contextlib.suppress(OSError):
                        answer(accepted)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def not_tls(accepted: socket.socket) -> None:
    accepted.recv(4096)
    accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_nobody_there(tmp_path: Path) -> None:
    fleet = Fleet()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    config = configure(tmp_path, fleet, address)
    with pytest.raises(errors.UnreachableError, match=f"nobody answers at {address}"):
        offctl(history.command, config)


def test_a_name_that_does_not_exist(tmp_path: Path) -> None:
    config = configure(tmp_path, Fleet(), "nowhere.invalid:7643")
    with pytest.raises(errors.UnreachableError, match=r"nobody answers at nowhere.invalid:7643"):
        offctl(history.command, config)


def test_a_server_that_speaks_something_else(tmp_path: Path) -> None:
    with listener(not_tls) as address:
        config = configure(tmp_path, Fleet(), address)
        with pytest.raises(errors.UnreachableError, match="does not speak our protocol"):
            offctl(history.command, config)


def test_a_server_that_is_not_the_pinned_one(tmp_path: Path) -> None:
    fleet = Fleet()
    with served(fleet, tmp_path) as running:
        fleet.server = Pair.make("one", dns_name=certificates.SERVER_NAME)
        config = configure(tmp_path, fleet, running.address)
        with pytest.raises(errors.UnreachableError, match="not have the certificate of a pinned"):
            offctl(history.command, config)


def test_a_certificate_that_is_not_pinned(tmp_path: Path) -> None:
    fleet = Fleet()
    with served(fleet, tmp_path) as running:
        config = configure(tmp_path, fleet, running.address, Pair.make("stranger"))
        with pytest.raises(errors.AdminError, match="does not accept this certificate") as refused:
            offctl(history.command, config)
    assert refused.value.code == "NOT_ACCEPTED"


def test_a_hosts_certificate_is_not_an_operators(tmp_path: Path) -> None:
    fleet = Fleet()
    with served(fleet, tmp_path, fleet.release(1, "off1")) as running:
        config = configure(tmp_path, fleet, running.address, fleet.host("off1"))
        with pytest.raises(errors.AdminError, match="host off1 may not call") as refused:
            offctl(history.command, config)
    assert refused.value.code == "NOT_ACCEPTED"


@pytest.mark.parametrize("name", ["address", "trust", "certificate", "key"])
def test_a_missing_setting_is_named_with_its_flag(tmp_path: Path, name: str) -> None:
    config = configure(tmp_path, Fleet(), "127.0.0.1:1")
    lines = config.read_text().splitlines(keepends=True)
    config.write_text("".join(line for line in lines if not line.startswith(name)))
    with pytest.raises(errors.AdminError, match=f"no {name} is set") as refused:
        offctl(history.command, config)
    assert f"`{name}`" in refused.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "[coordinator]\naddres = 'x'\n",
        "coordinator = 1\n",
        "[coordinator]\naddress = 1\n",
        "[coordinator]\naddress = 'x:1'\naddresses = ['y:1']\n",
        "[coordinator]\naddresses = 'y:1'\n",
        "[other]\nx = 1\n",
        "",
        "\x00",
    ],
)
def test_a_malformed_configuration_is_refused(tmp_path: Path, text: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(text)
    with pytest.raises(errors.MalformedError, match="cannot read"):
        offctl(history.command, config)


def test_flags_win_over_the_configuration(tmp_path: Path) -> None:
    fleet = Fleet()
    with served(fleet, tmp_path) as running:
        config = configure(tmp_path, fleet, "127.0.0.1:1")
        result = offctl(history.command, config, "--coordinator", running.address)
        assert result.output == "nothing has been published yet\n"


def test_the_environments_proxy_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    fleet = Fleet()
    with served(fleet, tmp_path) as running:
        config = configure(tmp_path, fleet, running.address)
        assert offctl(history.command, config).output == "nothing has been published yet\n"


def test_a_report_is_seen_by_the_client(tmp_path: Path) -> None:
    fleet = Fleet()
    release = fleet.release(7, "off1")
    later = fleets.now() + timedelta(hours=2)
    clock = [fleets.now()]
    with served(fleet, tmp_path, release, clock=lambda: clock[0]) as running:
        content = fleet.report("off1", serial=7, manifest_sha256=sha256(release))
        running.do(running.coordinator.report("off1", content))
        configure(tmp_path, fleet, running.address)
        with Client(connect(tmp_path, running.address)) as client:
            detail = client.get_host("off1")
            assert (detail.status.state, detail.report) == ("converged", content)
            assert detail.status.reported == clock[0]
            clock[0] = later
            assert client.get_host("off1").status.state == "silent"
