"""What a far stunnel may and may not do with our server: old keys, old sessions, old ciphers."""

from collections.abc import Callable, Iterator
from pathlib import Path
import subprocess
import tempfile
import time

import pytest

from tunnels.pair import SERVER_ADDRESS, Pair, pair

ACCEPT = "10.1.0.113:7000"


@pytest.fixture
def up() -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="offctl-sessions-") as directory:
        Path(directory).chmod(0o755)
        with pair(Path(directory), hold=0.3) as made:
            made.server.renew()
            made.client.renew()
            yield made


class Stranger:
    """A stunnel as people set one up, with the client's key, beside ours."""

    def __init__(self, up: Pair, *settings: str, section: str = "") -> None:
        self.place = up.client.place
        root = Path(self.place.directory)
        key = root / "stranger" / "psk"
        key.mkdir(parents=True)
        (key / "client.txt").write_bytes(up.client.file(".txt").read_bytes())
        (key / "client.txt").chmod(0o640)
        main = root / "stranger.conf"
        head = ["foreground = yes", "pid =", "debug = info", "syslog = no", *settings]
        body = ["[S]", "client = yes", f"accept = {ACCEPT}", f"connect = {SERVER_ADDRESS}"]
        body += [f"PSKsecrets = {key}/client.txt", section]
        main.write_text("\n".join([*head, *body]) + "\n")
        self.place.spawn("/usr/bin/stunnel4", str(main))
        _until(lambda: 7000 in self.place.ports())

    def through(self) -> bool:
        return self.place.ask(ACCEPT, "hello").endswith("hello")

    def said(self) -> str:
        return self.place.said()


def test_a_session_of_before_does_not_outlive_its_key(up: Pair) -> None:
    """The client kept a ticket; when its key has left by a reload, the ticket opens nothing."""
    stranger = Stranger(up)
    assert stranger.through()
    assert stranger.through()
    assert "previous session reused" in stranger.said(), "else this proves nothing"
    up.generation(2, 2)
    up.server.renew()
    assert up.server.place.asked[-1] == "reload"
    began = time.monotonic()
    _until(lambda: not stranger.through(), 5)
    assert time.monotonic() - began < 5
    assert not stranger.through()


@pytest.mark.parametrize(
    ("settings", "welcome"),
    [
        ((), True),
        (("ciphers = PSK",), True),
        (("sslVersion = TLSv1.2", "ciphers = PSK"), True),
        (("sslVersion = TLSv1.3",), True),
        (("sslVersion = TLSv1.2", "ciphers = kDHEPSK"), False),
        (("sslVersion = TLSv1.2", "ciphers = kPSK"), False),
        (("sslVersion = TLSv1.1", "ciphers = PSK:@SECLEVEL=0"), False),
        (("sslVersion = TLSv1", "ciphers = PSK:@SECLEVEL=0"), False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_only_forward_secret_ciphers_of_today_are_spoken(
    up: Pair, settings: tuple[str, ...], welcome: bool
) -> None:
    """An old far end, or one with the line everybody writes, gets in; weaker ones do not."""
    stranger = Stranger(up, section="\n".join(settings))
    assert stranger.through() is welcome
    assert up.through(), "and nobody else is cut by that"


def test_a_client_that_is_cut_off_in_a_rotation_goes_on_with_its_key(up: Pair) -> None:
    """Its host hears nothing of the phases; reloads and starts of the server do not matter."""
    for generation in (2, 2, 2):
        up.generation(1, 1, generation)
        up.server.renew()
        assert up.through()
    up.server.place.restart("off")
    up.client.place.restart("off")
    _until(up.through)
    assert "c-g1" in up.client.file(".txt").read_text()


def test_a_number_in_a_stale_pid_file_is_not_signalled(up: Pair) -> None:
    """Packages keep one at these paths; ours has none, and nobody reads theirs."""
    bystander = subprocess.Popen(["/bin/sleep", "60"])
    try:
        for name in ("off.pid", "stunnel.pid", "off/stunnel.pid"):
            (Path(up.server.place.directory) / name).write_text(f"{bystander.pid}\n")
        up.generation(1, 1, 2)
        up.server.renew()
        assert up.server.look().loaded
        assert bystander.poll() is None
        unit = up.server.file(".service").read_text()
        assert "ExecReload=/bin/kill -HUP $MAINPID" in unit
        assert "PIDFile" not in unit
        assert "\npid =\n" in up.server.file(".conf").read_text()
    finally:
        bystander.kill()
        bystander.wait()


def _until(condition: Callable[[], object], seconds: float = 5) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
