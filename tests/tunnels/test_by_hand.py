"""Two real stunnels that people made, each in an /etc/stunnel of its own: kept, never touched."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
import subprocess
import tempfile
import time

import pytest

from canary import CANARY
from offctl.desired.model import DesiredState, Mode
from offctl.errors import HostError
from offctl.planner import tunnels
from offctl.planner.draft import Draft
from offctl.planner.ledger import Ledger
from offctl_agent.host import failures
from offctl_agent.host.stunnel.places import Place
from planner.test_tunnels import observed
from tunnels.namespaces import Netns
from tunnels.pair import CLIENT_ACCEPT, SERVER_ADDRESS, End, Pair, pair

KEY = "wasmadebyhandandsentbymail0815"
HEAD = "foreground = yes\nsetuid = stunnel4\nsetgid = stunnel4\npid =\nciphers = PSK\n"
CLIENT = f"[Redis]\nclient = yes\naccept={CLIENT_ACCEPT}\nconnect = {SERVER_ADDRESS}\n"
SERVER = f"[Redis]\naccept={SERVER_ADDRESS}\nconnect = 10.2.0.1:6380\n"
SECRETS = "PSKsecrets = /etc/stunnel/psk/redis.txt"  # and no newline at its end


@dataclass
class Made:
    """One end as people made it."""

    end: End
    place: Netns

    @property
    def etc(self) -> Path:
        return Path(f"/proc/{self.place.pid}/root/etc/stunnel")

    def write(self, section: str, key: str = KEY) -> None:
        (self.etc / "psk").mkdir(exist_ok=True)
        (self.etc / "off.conf").write_text(HEAD + section + SECRETS)
        (self.etc / "psk/redis.txt").write_text(f"anybody:{key}\n")
        (self.etc / "psk/redis.txt").chmod(0o600)

    def start(self) -> None:
        self.place.stop("off")
        self.place.units["off"] = self.place.spawn("/usr/bin/stunnel4", "/etc/stunnel/off.conf")

    def traces(self) -> list[object]:
        there = sorted(self.etc.rglob("*"))
        return [(p.name, p.stat()[:9], p.is_file() and p.read_bytes()) for p in there]

    def left(self) -> list[str]:
        """What the planner makes of it."""
        draft, seen = Draft(Ledger()), observed(self.end.look())
        state = DesiredState("openfoodfacts", "h", Mode.ENFORCE, tunnels=self.end.ends)
        tunnels.plan_directories(seen, draft)
        tunnels.plan(state, seen, draft)
        assert all(step.action is None for step in draft.plan())
        return [step.reason for step in draft.plan()]


def room(end: End) -> Made:
    """The same place with an empty /etc/stunnel that nothing else sees."""
    script = "mount -t tmpfs -o mode=755 none /etc/stunnel && echo up && exec sleep infinity"
    words = ["unshare", "--mount", "sh", "-c", script]
    child = subprocess.Popen([*end.place.inside, *words], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    end.place.children.append(child)
    inside = ("nsenter", "-t", str(child.pid), "-m", "-n", "--")
    place = replace(end.place, inside=inside, pid=child.pid)
    door = replace(end.door, seat_of=lambda _: place)
    ends = tuple(replace(each, kept=True, peer_key="") for each in end.ends)
    return Made(End(door, place, ends), place)


@pytest.fixture
def both() -> Iterator[tuple[Pair, Made, Made]]:
    with tempfile.TemporaryDirectory(prefix="offctl-kept-") as directory:
        Path(directory).chmod(0o755)
        with pair(Path(directory)) as two:
            client, server = room(two.client), room(two.server)
            client.write(CLIENT)
            server.write(SERVER)
            server.start()
            client.start()
            for key in (KEY, KEY[::-1]):
                CANARY.know(key.encode())
            _until(two.through)
            yield two, client, server


def test_it_is_proven_and_nothing_of_it_is_touched(both: tuple[Pair, Made, Made]) -> None:
    two, *made = both
    before = [each.traces() for each in made]
    for each in made:
        seen = each.end.look()
        assert (seen.kept, seen.running, seen.loaded, seen.different) == (True, True, True, ())
        assert each.left() == []
        assert not CANARY.hear(repr(seen), "what was seen")
    assert made[0].end.look().ends[0].proof == ""
    assert two.through()
    assert [each.traces() for each in made] == before
    for end in (two.client, two.server):
        assert list(Path(end.place.directory).glob("off*")) == [], "no directory of ours"


def test_another_key_at_one_end_is_seen_to_cut_it(both: tuple[Pair, Made, Made]) -> None:
    _, client, server = both
    server.write(SERVER, KEY[::-1])
    server.start()
    _until(lambda: "closed at once" in (client.end.look().ends[0].proof or ""), 20)
    assert any("closed at once" in reason for reason in client.left())


def test_a_key_file_that_others_can_read_is_told_of_until_it_is_mended(
    both: tuple[Pair, Made, Made],
) -> None:
    _, _, server = both
    file = server.etc / "psk/redis.txt"
    file.chmod(0o644)
    (reason,) = server.left()
    assert "/etc/stunnel/psk/redis.txt has mode 644: others can read it" in reason
    assert file.stat().st_mode & 0o777 == 0o644
    file.chmod(0o600)
    assert server.left() == []


def test_while_its_file_is_there_none_of_ours_comes_in_its_place(
    both: tuple[Pair, Made, Made],
) -> None:
    """Handed over in the text and not yet on the host: it works on, and what is amiss is said."""
    two, client, _ = both
    before = client.traces()
    with pytest.raises(HostError, match="off.conf is something else; move it away") as caught:
        Place.missing(client.place, "off")
    assert caught.value.code == failures.CONFLICT
    assert client.traces() == before
    assert two.through()


def _until(condition: Callable[[], object], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
