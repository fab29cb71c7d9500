"""One real tunnel between two network namespaces, from nothing to every way in which it breaks."""

from collections.abc import Callable, Iterator
import contextlib
from dataclasses import replace
import os
from pathlib import Path
import signal
import tempfile
import time

import pytest

from canary import CANARY
from offctl.desired.model import DesiredState, Mode
from offctl.errors import HostError
from offctl.observed import Stray
from offctl_agent.host.stunnel import configuration, processes
from tunnels.namespaces import ip
from tunnels.pair import CLIENT_ACCEPT, Pair, pair


@pytest.fixture
def two() -> Iterator[Pair]:
    # Not below pytest's directory, which nobody but root may pass: stunnel becomes another user.
    with tempfile.TemporaryDirectory(prefix="offctl-tunnels-") as directory:
        Path(directory).chmod(0o755)
        with pair(Path(directory)) as made:
            yield made


@pytest.fixture
def up(two: Pair) -> Pair:
    two.server.renew()
    two.client.renew()
    assert two.through() == "10.2.0.1:6380 hello"
    return two


def test_from_nothing_to_proven(up: Pair) -> None:
    client, server = up.client.look(), up.server.look()
    for seen in (client, server):
        assert (seen.obstacle, seen.refusal, seen.different, seen.leftover) == ("", "", (), ())
        assert seen.running
        assert seen.loaded
        assert seen.surplus == ()
    assert [(e.listening, e.proof) for e in client.ends] == [(True, "")]
    assert [(e.listening, e.proof) for e in server.ends] == [(True, None)]


def test_again_changes_nothing(up: Pair) -> None:
    before = {path: path.stat().st_mtime_ns for path in Path(up.client.place.directory).rglob("*")}
    asked = list(up.client.place.asked)
    for _ in range(20):
        up.client.renew()
    assert up.client.place.asked == asked
    assert before == {
        path: path.stat().st_mtime_ns for path in Path(up.client.place.directory).rglob("*")
    }


def test_key_files_are_for_root_and_stunnel_alone(up: Pair) -> None:
    for end in (up.client, up.server):
        path = end.file(".txt")
        status = path.stat()
        assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (
            0o640,
            *end.place.owner(),
        )


def test_a_wrong_key_is_refused(up: Pair) -> None:
    path = up.server.file(".txt")
    path.write_text("c-g1:" + "0" * 64 + "\n")
    up.server.place.reload("off")
    _until(lambda: "closed at once" in (up.client.look().ends[0].proof or ""), 20)
    assert up.through() == ""
    assert up.client.look().ends[0].listening


def test_an_identity_the_server_does_not_know_is_refused(two: Pair) -> None:
    two.generation(2, 1)
    two.server.renew()
    two.client.renew()
    assert two.through() == ""
    _until(lambda: "closed at once" in (two.client.look().ends[0].proof or ""), 20)


def test_a_target_that_is_gone_is_not_proven(up: Pair) -> None:
    service = up.server.place.children[1]
    service.kill()
    service.wait()
    _until(lambda: "closed at once" in (up.client.look().ends[0].proof or ""), 20)
    assert up.server.look().loaded


def test_a_server_that_is_gone_is_not_proven(up: Pair) -> None:
    up.server.place.stop("off")
    seen = up.server.look()
    assert (seen.running, seen.loaded, seen.ends[0].listening) == (False, False, False)
    _until(lambda: "closed at once" in (up.client.look().ends[0].proof or ""), 20)
    up.server.renew()
    assert up.client.look().ends[0].proof == ""


def test_a_cable_that_is_cut_is_not_proven(two: Pair) -> None:
    two.server.renew()
    two.client.renew()
    two.client.door = replace(two.client.door, hold=3.0)
    ip("-n", two.wire.hub, "link", "set", "public1", "down")
    assert two.client.look().ends[0].proof not in (None, "")


def test_a_right_file_that_was_never_loaded_is_seen(up: Pair) -> None:
    up.generation(1, 1, 2)
    door = up.server.door
    wanted = door._wanted(
        "openfoodfacts", up.server.place, door.place(0, "off"), "off", up.server.ends
    )
    place = door.place(0, "off")
    place.write(wanted.rendering(), up.server.place.owner())
    seen = up.server.look()
    assert (seen.different, seen.running, seen.loaded) == ((), True, False)
    up.server.renew()
    assert up.server.place.asked[-1] == "reload"
    assert up.server.look().loaded
    assert up.server.look().leftover == ()


@pytest.mark.parametrize("access", ["mode", "owner"])
def test_a_key_file_that_stunnel_cannot_read_any_more_is_put_right(up: Pair, access: str) -> None:
    path = up.server.file(".txt")
    path.chmod(0o600) if access == "mode" else os.chown(path, 0, 0)
    assert any(path.name in text for text in up.server.look().different)
    up.server.renew()
    assert up.server.look().different == ()
    assert up.through()


def test_a_reload_that_fails_silently_is_found_and_the_old_file_comes_back(up: Pair) -> None:
    """stunnel cannot read its new keys as the user it became; systemd says that all is well."""
    up.server.place.given.append((0, 0))
    before = up.server.file(".conf").read_bytes()
    up.generation(1, 1, 2)
    began = time.monotonic()
    with pytest.raises(HostError, match="did not take the new configuration") as caught:
        up.server.renew()
    assert time.monotonic() - began < 7
    assert "the one before is back" in str(caught.value)
    assert up.server.file(".conf").read_bytes() == before
    assert up.through()
    up.server.place.stop("off")
    up.server.place.start("off")
    _until(lambda: up.client.look().ends[0].proof == "")


def test_what_stunnel_does_not_take_never_goes_live(up: Pair) -> None:
    before = up.server.file(".conf").read_bytes()
    asked = len(up.server.place.asked)
    up.server.place.broken.append("false")  # an older stunnel, say
    up.generation(1, 1, 2)
    with pytest.raises(HostError, match="does not start on the new configuration"):
        up.server.renew()
    assert up.server.file(".conf").read_bytes() == before
    assert up.server.place.asked[asked:] == ["launch"]
    assert up.through()


def test_rotation_phase_by_phase(up: Pair) -> None:
    up.generation(1, 1, 2)
    up.server.renew()
    assert up.through()
    up.generation(2, 1, 2)
    up.client.renew()
    assert up.client.look().ends[0].proof == ""
    up.generation(2, 2)
    up.server.renew()
    assert up.through()
    assert "c-g1" not in up.server.file(".txt").read_text()
    assert "c-g1" not in up.client.file(".txt").read_text()


def test_a_client_asked_to_switch_too_early_keeps_its_key_and_works(up: Pair) -> None:
    up.generation(2, 1)
    for _ in range(2):
        with pytest.raises(HostError, match="does not accept c-g2 yet; it keeps c-g1") as caught:
            up.client.renew()
        assert caught.value.code == "PREFLIGHT"
        assert up.through()
    assert "reload" not in up.client.place.asked
    up.generation(2, 1, 2)
    up.server.renew()
    up.client.renew()
    assert up.client.look().ends[0].proof == ""
    assert up.client.look().different == ()


def test_a_key_never_changes_under_its_name_and_a_rotation_leads_out_of_it(up: Pair) -> None:
    """The client's host has another tunnel key: what was agreed stays until the next generation."""
    up.client.replace_key(up.server)
    for end in (up.client, up.server):
        before = end.file(".txt").read_bytes()
        end.renew()
        assert end.file(".txt").read_bytes() == before
        assert "rotate the tunnel" in end.look().ends[0].aged
        assert end.look().loaded
    assert up.client.look().ends[0].proof == ""
    for client, accepted in ((1, (1, 2)), (2, (1, 2)), (2, (2,))):
        up.generation(client, *accepted)
        up.server.renew()
        up.client.renew()
        assert up.through()
    for end in (up.client, up.server):
        assert [each.aged for each in end.look().ends] == [""]


def test_a_far_end_that_is_frozen_is_not_proven(up: Pair) -> None:
    """Its kernel takes every connection; nobody answers the handshake."""
    up.client.door = replace(up.client.door, hold=configuration.HOLD)
    server = up.server.place.units["off"]
    server.send_signal(signal.SIGSTOP)
    assert "closed at once" in (up.client.look().ends[0].proof or "")
    server.send_signal(signal.SIGCONT)
    assert up.client.look().ends[0].proof == ""


@pytest.mark.parametrize("accept", ["6379", "0.0.0.0:6379", ":::6379", "203.0.113.2:6379",
                                    "2001:db8::1:6379", "redis.example.org:6379"])  # fmt: skip
def test_a_client_end_that_others_could_reach_is_refused(two: Pair, accept: str) -> None:
    (end,) = two.client.ends
    two.client.ends = (replace(end, accept=accept),)
    assert "would let everybody in" in two.client.look().refusal
    with pytest.raises(HostError, match="would let everybody in"):
        two.client.renew()
    assert two.client.place.asked == []
    assert not (Path(two.client.place.directory) / "off").exists()


def test_an_address_that_is_not_here_is_refused(two: Pair) -> None:
    (end,) = two.client.ends
    two.client.ends = (replace(end, accept="10.1.0.114:6379"),)
    with pytest.raises(HostError, match="there is no such address here"):
        two.client.renew()


def test_a_killed_stunnel_is_started_again(up: Pair) -> None:
    up.client.place.stop("off")
    assert not up.client.look().running
    up.client.renew()
    assert up.client.place.asked[-1] == "start"
    assert up.through()


def test_a_stunnel_that_listens_where_nobody_asked_is_told_of(up: Pair) -> None:
    path = up.server.file(".conf")
    path.write_text(
        path.read_text() + "[Extra]\nclient = yes\naccept = 0.0.0.0:27017\nconnect = 10.2.0.1:1\n"
    )
    up.server.place.reload("off")
    _until(lambda: up.server.look().surplus == ("0.0.0.0:27017",))
    assert any("off.conf" in text for text in up.server.look().different)
    up.server.renew()
    _until(lambda: up.server.look().surplus == ())


def test_what_somebody_changed_and_had_read_is_changed_back_and_seen_to_be(up: Pair) -> None:
    path = up.client.file(".conf")
    right = path.read_bytes()
    path.write_bytes(right.replace(b"203.0.113.1:6379", b"203.0.113.9:6379"))
    up.client.place.reload("off")
    time.sleep(0.3)
    assert up.client.look().different == ("off.conf has another content",)
    up.client.place.asked.clear()
    up.client.renew()
    assert up.client.place.asked == ["launch", "reload", "reload"]
    assert path.read_bytes() == right
    assert up.through()
    assert up.client.look().leftover == ()


def test_the_database_of_that_day_is_found_by_its_socket_within_one_look(up: Pair) -> None:
    """A client listener on all addresses, put there by hand: no text has it, no file of ours."""
    path = Path(up.client.place.directory) / "mongo.conf"
    path.write_text(
        "foreground = yes\npid =\n[MongoDB]\nclient = yes\naccept = 27017\n"
        "connect = 203.0.113.1:27017\nciphers = PSK\n"
        f"PSKsecrets = {up.client.file('.txt')}\n"
    )
    up.client.place.spawn("/usr/bin/stunnel4", str(path))
    network = processes.network_of(up.client.place.pid)

    def found() -> tuple[Stray, ...]:
        state = DesiredState("openfoodfacts", "h", Mode.ENFORCE, tunnels=up.client.ends)
        here = [p for p in processes.stunnels() if p.network == network]
        return up.client.door.strays(state, here, {network: 0})

    _until(lambda: found() and found()[0].listening)
    assert found() == (Stray("the host itself", str(path), ("0.0.0.0:27017",), ("0.0.0.0:27017",)),)


def test_a_revoked_key_has_its_live_connections_cut(up: Pair) -> None:
    (end,) = up.server.ends
    live = up.client.place.hold(CLIENT_ACCEPT)
    assert live.poll() is None
    up.server.ends = (replace(end, generation=2, identity="c-g2", revoked=1),)
    assert up.server.look().uncut == ("redis 1",)
    up.server.renew()
    assert up.server.place.asked[-1] == "restart"
    live.wait(timeout=5)
    assert up.server.look().uncut == ()
    assert up.through() == "", "the old key is refused"
    asked = list(up.server.place.asked)
    up.server.renew()
    assert up.server.place.asked == asked, "once is enough"
    up.generation(2, 2)
    up.client.renew()
    assert up.through()


def test_a_reload_leaves_live_connections_up(up: Pair) -> None:
    live = up.client.place.hold(CLIENT_ACCEPT)
    up.generation(1, 1, 2)
    up.server.renew()
    up.generation(2, 1, 2)
    up.client.renew()
    time.sleep(0.5)
    assert live.poll() is None


def test_keys_are_in_no_argument_environment_or_log(up: Pair) -> None:
    up.generation(1, 1, 2)
    up.server.renew()
    for end in (up.client, up.server):
        assert end.file(".txt").read_text().count("\n") >= 1
    looked = [*Path("/proc").glob("[0-9]*/cmdline"), *Path("/proc").glob("[0-9]*/environ")]
    looked += [*up.client.place.log, *up.server.place.log]
    for path in looked:
        with contextlib.suppress(OSError):
            assert not CANARY.hear(path.read_bytes(), str(path))
    assert len(CANARY.keys) > 1


def _until(condition: Callable[[], object], seconds: float = 5) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
