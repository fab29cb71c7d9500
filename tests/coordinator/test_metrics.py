"""What Prometheus gets from a running coordinator, read with the library's own parser."""

import asyncio
from collections.abc import Iterator
import contextlib
from pathlib import Path
import signal
import socket
import time
from typing import Any, TypeAlias
from urllib import error as urls
from urllib import request

from grpc import aio
import prometheus_client
from prometheus_client import parser
import pytest

from offctl.api.v1 import agent_pb2
from offctl.errors import AdminError, MalformedError
from offctl.status import State
from offctl_coordinator import callers, config, metrics, scraping
from offctl_coordinator.metrics import Metrics
from transport import processes
from transport.fleet import Fleet, Running, serving, sha256
from unitfiles import ROOT

SECONDS = 5.0
EXAMPLE = ROOT / "packaging" / "etc" / "coordinator.toml.example"
RPCS = "offctl_rpcs_total"
METHODS = {*(method.rpartition(".")[2] for method in callers.METHODS), metrics.OTHER}
_Labels: TypeAlias = tuple[tuple[str, str], ...]
Samples: TypeAlias = dict[tuple[str, _Labels], float]


def samples(text: str) -> Samples:
    found: Samples = {}
    for family in parser.text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


class Scrape:
    """A listener for `Metrics` of a coordinator that began later than they did."""

    def __init__(self) -> None:
        self.running: list[Running] = []
        self.metrics = Metrics(lambda: self.running[0].coordinator.snapshot())

    def read(self) -> Samples:
        return samples(prometheus_client.generate_latest(self.metrics.registry).decode())


def get(url: str, *, method: str = "GET") -> tuple[int, str]:
    try:
        with request.urlopen(request.Request(url, method=method), timeout=SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urls.HTTPError as refused:
        return refused.code, refused.read().decode()


async def test_hosts_and_the_rollout_are_as_status_has_them(tmp_path: Path) -> None:
    fleet, scrape = Fleet(), Scrape()
    release = fleet.release(7, "off1", "off2")
    content = fleet.report("off1", serial=7, manifest_sha256=sha256(release))
    async with serving(fleet, tmp_path) as running:
        scrape.running.append(running)
        assert scrape.read()["offctl_release_serial", ()] == 0
        await running.publish(release)
        await running.coordinator.report("off1", content)
        found = scrape.read()
    of_state = {labels[0][1]: v for (name, labels), v in found.items() if name == "offctl_hosts"}
    assert set(of_state) == {state.value for state in State}
    assert {word for word, count in of_state.items() if count} == {"converged", "awaited"}
    told = {labels: v for (name, labels), v in found.items() if name == "offctl_host_state"}
    assert told == {
        (("host", "off1"), ("state", "converged")): 1,
        (("host", "off2"), ("state", "awaited")): 1,
    }
    off1 = (("host", "off1"),)
    assert found["offctl_host_serial", off1] == 7
    assert abs(found["offctl_host_report_timestamp_seconds", off1] - time.time()) < 60
    assert ("offctl_host_report_timestamp_seconds", (("host", "off2"),)) not in found
    assert found["offctl_release_serial", ()] == 7
    assert found["offctl_release_expires_timestamp_seconds", ()] > time.time()
    assert found["offctl_trust_root_version", ()] == 1
    names = {name for name, _ in found}
    assert found["offctl_rollout_hosts_waiting", ()] == 0
    assert {"offctl_rollout_paused", "offctl_rollout_halted", "offctl_rollout_wave"} <= names


async def test_calls_are_counted_by_method_and_code(tmp_path: Path) -> None:
    fleet, scrape = Fleet(), Scrape()
    async with serving(fleet, tmp_path, counting=scrape.metrics) as running:
        scrape.running.append(running)
        await running.publish(fleet.release(1, "off1"))
        async with running.agent("off1") as stub:
            await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)
            with pytest.raises(aio.AioRpcError):
                await stub.Report(agent_pb2.ReportRequest(report=b"{}"), timeout=SECONDS)
            stream = stub.Watch(agent_pb2.WatchRequest(), timeout=SECONDS)
            await stream.read()
            watched = (("method", "AgentService/Watch"),)
            assert scrape.read()["offctl_rpc_streams", watched] == 1
            stream.cancel()
            end = time.monotonic() + SECONDS
            while scrape.read()["offctl_rpc_streams", watched]:
                assert time.monotonic() < end
                await asyncio.sleep(0.02)
        found = scrape.read()

    def calls(method: str, code: str) -> float:
        return found["offctl_rpcs_total", (("code", code), ("method", method))]

    assert calls("AgentService/FetchRelease", "OK") == 1
    assert calls("AgentService/Report", "INVALID_ARGUMENT") == 1
    assert calls("AgentService/Watch", "CANCELLED") == 1
    fetched = (("method", "AgentService/FetchRelease"),)
    assert found["offctl_rpc_seconds_count", fetched] == 1
    assert 0 < found["offctl_rpc_seconds_sum", fetched] < SECONDS
    # A stream may last for days: it has no latency.
    assert ("offctl_rpc_seconds_count", watched) not in found


async def test_what_a_stranger_asks_for_makes_no_label(tmp_path: Path) -> None:
    fleet, scrape = Fleet(), Scrape()
    async with serving(fleet, tmp_path, counting=scrape.metrics) as running:
        scrape.running.append(running)
        await running.publish(fleet.release(1, "off1"))
        async with running.channel(fleet.host("off1")) as channel:
            for number in range(20):
                call: Any = channel.unary_unary(f"/any.Service/Method{number}")
                with pytest.raises(aio.AioRpcError):
                    await call(b"", timeout=SECONDS)
        found = scrape.read()
    counted = {labels: value for (name, labels), value in found.items() if name == RPCS}
    # Those that are told from the start have none.
    assert {dict(labels)["method"] for labels, value in counted.items() if value} == {metrics.OTHER}
    assert {dict(labels)["method"] for labels in counted} == METHODS


async def test_the_first_mistake_is_an_increase(tmp_path: Path) -> None:
    scrape = Scrape()
    async with serving(Fleet(), tmp_path, counting=scrape.metrics) as running:
        scrape.running.append(running)
        fresh = {key: value for key, value in scrape.read().items() if key[0] == RPCS}
    assert fresh == {(RPCS, (("code", "INTERNAL"), ("method", each))): 0.0 for each in METHODS}


@contextlib.contextmanager
def scraped(address: str = "127.0.0.1:0") -> Iterator[str]:
    registry = prometheus_client.CollectorRegistry()
    prometheus_client.Gauge("one", "One.", registry=registry).set(1)
    with scraping.listening(address, registry) as found:
        yield f"http://{found}"


@pytest.mark.parametrize("address", ["127.0.0.1:0", "localhost:0"])
def test_one_path_is_answered(address: str) -> None:
    with scraped(address) as url:
        status, text = get(f"{url}/metrics")
    assert (status, samples(text)) == (200, {("one", ()): 1.0})


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "GET", 404),
        ("/favicon.ico", "GET", 404),
        ("/metrics/", "GET", 404),
        ("/metrics/../etc/passwd", "GET", 404),
        ("/metrics", "POST", 405),
        ("/metrics", "DELETE", 405),
    ],
)
def test_nothing_else_is(path: str, method: str, status: int) -> None:
    with scraped() as url:
        assert get(f"{url}{path}", method=method)[0] == status


def test_who_says_nothing_does_not_keep_the_others_out_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scraping._Handler, "timeout", 0.3)
    with scraped() as url, contextlib.ExitStack() as stack:
        host, port = url.removeprefix("http://").split(":")
        for _ in range(scraping.AT_ONCE):
            stack.enter_context(socket.create_connection((host, int(port))))
        end = time.monotonic() + SECONDS
        while True:
            with contextlib.suppress(OSError):
                assert get(f"{url}/metrics")[0] == 200
                break
            assert time.monotonic() < end


def test_an_address_that_is_taken_is_told_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        wanted = pytest.raises(AdminError, match="cannot listen for Prometheus on")
        with wanted as refused, scraped(f"127.0.0.1:{port}"):
            pass
    assert "metrics" in refused.value.hint


@pytest.mark.parametrize(
    "address", [":9643", "http://127.0.0.1:9643", "127.0.0.1", "[::1]", "9643"]
)
def test_a_bad_setting_is_refused(tmp_path: Path, address: str) -> None:
    path = tmp_path / "coordinator.toml"
    path.write_text(f'metrics = "{address}"\n')
    with pytest.raises(MalformedError, match="'metrics' must be like"):
        config.load(path)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def test_the_program_answers_when_it_is_told_to(tmp_path: Path) -> None:
    path = processes.coordinator_directory(tmp_path / "coordinator", Fleet())
    port = free_port()
    path.write_text(path.read_text() + f'metrics = "127.0.0.1:{port}"\n')
    with processes.started("offctl_coordinator", "serve", "--config", str(path)) as process:
        processes.first_line(process)
        status, text = get(f"http://127.0.0.1:{port}/metrics")
        assert status == 200
        found = samples(text)
        assert found["offctl_hosts", (("state", "silent"),)] == 0
        assert found["process_open_fds", ()] > 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


def test_without_a_setting_nobody_answers() -> None:
    assert config.load(EXAMPLE).metrics == ""
