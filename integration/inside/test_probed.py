"""Health probes in real containers, through `pct exec`: well, hurt by a change, and hanging.

What hurts is a mount that shows other data: the container is restarted with it, its probe no longer
finds what it needs, and the old mount comes back.
"""

from collections.abc import Iterator
from pathlib import Path
import subprocess
import time

import pytest

from integration.inside import guests
from integration.inside.days import Host
from offctl_agent import converge
from offctl_agent.proxmox import calls

NUMBER = 140
GRACE = 3
# Hangs where a file says so, so that the same probe was well before the change.
PROBE = "test -e /data/hang && echo asked >>/data/asked && sleep 7777; test -e /data/well"
SITE = f"""
[[dataset]]
name = "tank/good"

[[dataset]]
name = "tank/better"

[[dataset]]
name = "tank/empty"

[[dataset]]
name = "tank/hanging"

[[container]]
id = {NUMBER}
template = "{guests.TEMPLATE}"
root = {{ storage = "tank-pve", size_gib = 1 }}
options = {{ hostname = "probed", memory = "128" }}
probe = {{ command = ["sh", "-c", "{PROBE}"], grace = {GRACE} }}
mount = [{{ target = "/data", source = "/tank/good", dataset = "tank/good" }}]
"""


def showing(name: str) -> str:
    """The same with another dataset at /data."""
    old = 'source = "/tank/good", dataset = "tank/good"'
    assert old in SITE
    return SITE.replace(old, f'source = "/tank/{name}", dataset = "tank/{name}"')


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    home = tmp_path_factory.mktemp("host")
    with guests.real(home) as rig:
        made = Host(rig, home)
        made.run(SITE.replace(SITE[SITE.index("[[container]]") :], ""))
        for name in ("good/well", "better/well", "hanging/well", "hanging/hang"):
            Path("/tank", name).touch()
        # For root of the container.
        Path("/tank/hanging").chmod(0o777)
        run = made.run(SITE)
        assert run.plan.steps == ()
        yield made


def probes(host: Host) -> int:
    return len([line for line in host.rig.called() if line.startswith(f"pct exec {NUMBER}")])


def shown(host: Host) -> str:
    effective = host.effective(NUMBER, SITE)
    assert effective is not None
    return dict(effective.mounts)["/data"]


def came_back(host: Host, run: converge.Run, said: str) -> None:
    """The change was taken back, told with what the probe said, and is not tried again."""
    undone = [event for event in run.events if event.action == "undo"]
    assert undone
    assert {event.outcome for event in undone} == {"done"}
    assert [u.container for u in run.undone] == [NUMBER]
    assert said in run.undone[0].reason
    assert shown(host) == "/tank/good"
    assert b"mp0: /tank/good,mp=/data" in host.rig.read(NUMBER)
    assert host.rig.guest.probe(NUMBER, ("test", "-e", "/data/well")) == ""


def test_a_change_after_which_it_is_well_stays(host: Host) -> None:
    before = probes(host)
    run = host.run(SITE.replace('memory = "128"', 'memory = "160"'))
    assert run.plan.steps == ()
    assert run.undone == ()
    # Once before the change and once after it.
    assert probes(host) == before + 2
    assert host.run(SITE, restarts=(NUMBER,)).plan.steps == ()
    run = host.run(showing("better"), restarts=(NUMBER,))
    assert run.plan.steps == ()
    assert shown(host) == "/tank/better"
    assert host.run(SITE, restarts=(NUMBER,)).plan.steps == ()


def test_a_change_that_hurts_is_taken_back_and_told(host: Host) -> None:
    text = showing("empty")
    run = host.run(text, restarts=(NUMBER,))
    came_back(host, run, f"probe container {NUMBER}")
    assert host.run(text, restarts=(NUMBER,)).events == []
    assert host.run(SITE).plan.steps == ()


def test_a_probe_that_hangs_is_given_up_and_counts_as_not_well(host: Host) -> None:
    text = showing("hanging")
    begun = time.monotonic()
    run = host.run(text, restarts=(NUMBER,))
    took = time.monotonic() - begun
    came_back(host, run, "30 seconds")
    assert took > calls.SECONDS["pct", "exec"]
    # One look is more than its whole grace: it is not asked a second time.
    assert Path("/tank/hanging/asked").read_text() == "asked\n"
    left = subprocess.run(["pgrep", "-f", "sleep 7777"], check=False, capture_output=True)
    assert left.stdout == b"", "what the probe left in the container ended with it"
    assert host.run(text, restarts=(NUMBER,)).events == []
    assert host.run(SITE).plan.steps == ()


def test_what_cannot_be_asked_is_not_well(host: Host) -> None:
    probe = host.rig.guest.probe
    for said in (probe(NUMBER, ("no-such-program",)), probe(NUMBER + 1, ("true",))):
        assert said
        assert said.isprintable()
