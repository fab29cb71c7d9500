"""Tunnels by the word of hosts that are not heard: no link works, and no rotation goes on by it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
import json
from pathlib import Path
import shutil

from click.testing import CliRunner, Result
import pytest

from cli.test_status import RIGHT, configured
from cli.test_tunnel import CLIENT, EXAMPLE, NAME, SERVER
from offctl import errors
from offctl.report import AGENT, Counts, ResourceStatus, TunnelStatus
from offctl_cli.commands import publish, tunnel, tunnels
from offctl_cli.fleet import HostDetail
from offctl_cli.rotation import Phase
from offctl_cli.site import load
from transport.fleet import Fleet, Running, now, served

TWO = replace(SERVER, generation=2)
SAID = {"ovh1": (CLIENT,), "off2": (SERVER, TWO)}
ENDED = ResourceStatus(AGENT, "failed", "cannot write x")
UNSAID = f"cannot publish this: it may cut tunnel {NAME}: ovh1 does not say now which key of {NAME}"


@dataclass
class Room:
    """A coordinator whose clock the test moves, and a site."""

    running: Running
    clock: list[datetime]
    config: Path
    site: Path

    def say(self, host: str, *ends: TunnelStatus, sequence: int = 1) -> None:
        changes = {"serial": 3, "tunnels": ends, "time": self.clock[0]}
        content = self.running.fleet.report(host, sequence, **changes)
        self.running.do(self.running.coordinator.report(host, content))

    def end(self, host: str, sequence: int = 2) -> None:
        """Report as a host does whose run an error ended."""
        content = self.running.fleet.report(
            host, sequence, serial=3, resources=(ENDED,), counts=Counts(failed=1)
        )
        self.running.do(self.running.coordinator.report(host, content))

    def offer(self, serial: int, phase: Phase, *words: str) -> Result:
        """Publish a release in which the tunnel's key stands at `phase`."""
        tunnel.write(self.site, NAME, phase, revoked=None)
        fleet = self.running.fleet
        states = [
            replace(each, identity=fleet.state(each.host).identity)
            for each in load.compile_site(self.site).states
        ]
        file = self.site.parent / "next.release"
        file.write_bytes(fleet.release_of(serial, *states).dump())
        return CliRunner().invoke(
            publish.command, [str(file), *words], env={"OFFCTL_CONFIG": str(self.config)}
        )

    def ask(self, *words: str) -> Result:
        command = tunnels.command if not words or words[0] == "--json" else tunnel.command
        return CliRunner().invoke(
            command, list(words), env={"OFFCTL_CONFIG": str(self.config), "COLUMNS": "200"}
        )


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    fleet, clock = Fleet(), [now()]
    with served(fleet, tmp_path, fleet.release(3, *SAID), clock=lambda: clock[0]) as running:
        site = Path(shutil.copytree(EXAMPLE, tmp_path / "site"))
        found = Room(running, clock, configured(tmp_path, fleet, running.address), site)
        for host, ends in SAID.items():
            found.say(host, *ends)
        yield found


def test_a_dead_host_proves_nothing(room: Room) -> None:
    assert room.ask().exit_code == 0
    room.clock[0] += timedelta(hours=2)
    room.say("ovh1", CLIENT, sequence=2)
    found = room.ask()
    assert found.exit_code == 1
    assert f"? {NAME}: off2 says nothing of its end now" in found.output
    (link,) = json.loads(room.ask("--json").output)
    assert (link["state"], link["unheard"]) == ("silent", ["off2"])


def test_a_tunnel_of_which_nobody_speaks_any_more_is_still_shown(room: Room) -> None:
    room.clock[0] += timedelta(hours=2)
    found = room.ask()
    assert found.exit_code == 1, found.output
    assert f"? {NAME}: ovh1 says nothing of its end now" in found.output
    (link,) = json.loads(room.ask("--json").output)
    assert (link["state"], link["unheard"], link["ends"]) == ("silent", ["off2", "ovh1"], [])


def test_of_a_host_that_left_the_site_no_tunnel_is_asked_for(room: Room) -> None:
    room.running.do(room.running.publish(room.running.fleet.release(4, "off1")))
    found = room.ask()
    assert (found.exit_code, found.output) == (0, "no host has said anything of a tunnel\n")


def test_a_rotation_waits_for_a_host_that_is_heard(room: Room) -> None:
    tunnel.write(room.site, NAME, Phase(2, "accept", ""), revoked=None)
    before = (room.site / "tunnels.toml").read_text()
    room.clock[0] += timedelta(hours=2)
    room.say("ovh1", CLIENT, sequence=2)
    waits = room.ask("rotate", NAME, "--site", str(room.site))
    assert waits.exit_code == 1
    assert "waiting: " in waits.output
    assert (room.site / "tunnels.toml").read_text() == before
    room.say("off2", SERVER, TWO, sequence=2)
    goes_on = room.ask("rotate", NAME, "--site", str(room.site))
    assert goes_on.exit_code == 0, goes_on.output
    assert 'rotation = "switch"' in (room.site / "tunnels.toml").read_text()


def test_the_key_of_a_host_that_cannot_report_is_not_cut(room: Room) -> None:
    """It goes on with the key that it said last: publishing is judged by that."""
    room.clock[0] += timedelta(hours=2)
    refused = room.offer(4, Phase(2, None, ""))
    assert isinstance(refused.exception, errors.AuthorError), refused.output
    assert f"it would cut tunnel {NAME}: off2 would not accept" in str(refused.exception)


def test_the_key_of_a_host_whose_run_an_error_ended_is_not_cut(room: Room) -> None:
    """It reports, and says nothing of the key that its stunnel goes on to use."""
    assert room.offer(4, Phase(2, "accept", "")).exit_code == 0
    assert room.offer(5, Phase(2, "switch", "")).exit_code == 0
    room.end("ovh1")
    refused = room.offer(6, Phase(2, None, ""))
    assert isinstance(refused.exception, errors.AuthorError), refused.output
    assert str(refused.exception).startswith(UNSAID)
    assert f"wait until it does, or say --cut {NAME}" in refused.exception.hint
    # What leaves the keys as they are cuts nothing; and who names it means it.
    assert room.offer(6, Phase(2, "switch", "")).exit_code == 0
    assert room.offer(7, Phase(2, None, ""), "--cut", NAME).exit_code == 0


def test_of_tunnels_nobody_speaks_of_after_an_error_it_is_said_why(room: Room) -> None:
    line = "an error ended its run, so it says nothing of its tunnels\n"
    room.end("off2")
    found = room.ask()
    assert (found.exit_code, f"? off2: {line}" in found.output) == (1, True), found.output
    room.end("ovh1")
    found = room.ask()
    assert (found.exit_code, f"? off2: {line}? ovh1: {line}" in found.output) == (1, True)
    assert "no host has said anything" not in found.output
    assert room.ask("--json").exit_code == 1
    room.running.do(room.running.publish(room.running.fleet.release(4, "off1")))
    found = room.ask()
    assert (found.exit_code, found.output) == (0, "no host has said anything of a tunnel\n")


def test_a_report_that_cannot_be_read_hides_no_other_and_is_told() -> None:
    fleet = Fleet()
    newer = {**json.loads(fleet.report("off2", tunnels=(SERVER,))), "wonder": 1}
    hosts = (
        HostDetail(replace(RIGHT, host="ovh1"), fleet.report("ovh1", tunnels=(CLIENT,))),
        HostDetail(RIGHT, json.dumps(newer).encode()),
    )
    assert [(link.state, link.unheard) for link in tunnels.told(hosts)] == [("silent", ("off2",))]
    (line,) = tunnels._unreadable(hosts)
    assert line == "? off2: its report cannot be read here: unknown key 'wonder'"
    # It goes on with a key that nobody here can know.
    never = HostDetail(replace(RIGHT, host="off1"), b"")
    assert tunnels.mute((*hosts, never)) == {"off2"}
