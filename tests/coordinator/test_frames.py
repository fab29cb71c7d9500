"""Frames that no library sends: floods of pings and settings, and bytes at random."""

from pathlib import Path
import random
import shutil
import ssl
import subprocess
from subprocess import DEVNULL, PIPE
import threading

import psutil
import pytest

from coordinator.frames import (
    GOAWAY,
    PING,
    PREFACE,
    SETTINGS,
    client_context,
    connected,
    frame,
    opened,
    opened_with,
    write_keys,
)
from offctl.api.v1 import agent_pb2, agent_pb2_grpc
from transport.fleet import Fleet, Running, served

ENHANCE_YOUR_CALM = 11
SECONDS = 10.0


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


def polled(running: Running) -> int:
    """What another host is told meanwhile."""

    async def poll() -> int:
        async with running.channel(running.fleet.host("off2")) as channel:
            stub = agent_pb2_grpc.AgentServiceStub(channel)
            said = await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)
            return len(said.envelope)

    return running.do(poll())


def test_a_flood_of_pings_is_hung_up_on(tmp_path: Path, fleet: Fleet) -> None:
    with (
        served(fleet, tmp_path, fleet.release(1, "off1", "off2")) as running,
        connected(tmp_path, fleet, fleet.host("off1"), running.address) as peer,
    ):
        peer.socket.sendall(PREFACE + frame(SETTINGS) + frame(PING, b"12345678") * 500)
        reasons = [payload[4:8] for kind, payload in peer.frames() if kind == GOAWAY]
        assert ENHANCE_YOUR_CALM.to_bytes(4, "big") in reasons
        assert polled(running)


@pytest.mark.parametrize("seed", range(4))
def test_bytes_at_random_end_one_connection_only(tmp_path: Path, fleet: Fleet, seed: int) -> None:
    """Frames of any kind, length and stream, with any payload; some are cut off."""
    chance = random.Random(seed)
    process = psutil.Process()
    with served(fleet, tmp_path, fleet.release(1, "off1", "off2")) as running:
        before = 0
        for number in range(40):
            with connected(tmp_path, fleet, fleet.host("off1"), running.address) as peer:
                garbage = b"".join(
                    frame(
                        chance.randrange(16),
                        chance.randbytes(chance.choice((0, 1, 4, 8, 37, 300))),
                        flags=chance.randrange(256),
                        stream=chance.choice((0, 1, 2, 3, 0x7FFFFFFF, 0xFFFFFFFF)),
                    )
                    for _ in range(chance.randrange(1, 20))
                )
                head = PREFACE if number % 5 else chance.randbytes(24)
                peer.socket.settimeout(0.2)
                peer.socket.sendall(head + garbage[: chance.randrange(1, len(garbage) + 1)])
                list(peer.frames())
            if number == 10:
                before = process.memory_info().rss
        assert polled(running)
        assert process.memory_info().rss - before < 32 * 1024 * 1024


OLD = {
    "TLS 1.1": (ssl.TLSVersion.TLSv1_1, "DEFAULT:@SECLEVEL=0"),
    "no encryption": (ssl.TLSVersion.TLSv1_2, "NULL:@SECLEVEL=0"),
    "no forward secrecy": (ssl.TLSVersion.TLSv1_2, "kRSA:@SECLEVEL=0"),
    "nobody's word": (ssl.TLSVersion.TLSv1_2, "aNULL:@SECLEVEL=0"),
}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("what", OLD)
def test_what_is_no_security_any_more_is_not_spoken(
    tmp_path: Path, fleet: Fleet, what: str
) -> None:
    version, ciphers = OLD[what]
    with served(fleet, tmp_path, fleet.release(1, "off1", "off2")) as running:
        write_keys(tmp_path, fleet, fleet.host("off1"))
        # The same client is let in when it speaks as everybody does.
        with opened(tmp_path, running.address):
            pass
        context = client_context(tmp_path)
        context.minimum_version = context.maximum_version = version
        context.set_ciphers(ciphers)
        with pytest.raises((ssl.SSLError, ConnectionError)), opened_with(context, running.address):
            pass
        assert polled(running)


def test_no_early_data_is_ever_taken(tmp_path: Path, fleet: Fleet) -> None:
    """A call that is replayed from a recorded handshake needs a server that allows it."""
    assert shutil.which("openssl"), "openssl is missing: apt-get install openssl"
    with (
        served(fleet, tmp_path, fleet.release(1, "off1")) as running,
        connected(tmp_path, fleet, fleet.host("off1"), running.address),
    ):
        certificate, key = tmp_path / "frames.crt", tmp_path / "frames.key"
        told = until_a_ticket(
            ["openssl", "s_client", "-connect", running.address, "-alpn", "h2", "-tls1_3",
             "-cert", str(certificate), "-key", str(key)]
        )  # fmt: skip
    limits = [line.split(":")[1].strip() for line in told.splitlines() if "Max Early Data" in line]
    assert "TLSv1.3" in told
    assert set(limits) == {"0"}


def until_a_ticket(argv: list[str]) -> str:
    """What openssl says until it has told of a session ticket, or for 20 s."""
    told = b""
    with subprocess.Popen(argv, stdin=PIPE, stdout=PIPE, stderr=DEVNULL) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        patience = threading.Timer(20, client.kill)
        patience.start()
        client.stdin.write(PREFACE + frame(SETTINGS))
        client.stdin.flush()
        for line in client.stdout:
            told += line
            if b"Max Early Data" in line:
                break
        patience.cancel()
        client.kill()
    return told.decode(errors="replace")
