"""Whole runs of the agent on a real pool and real containers: built, left alone, drifted, mended.

The tests of this file follow each other on one host, as days do.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
import subprocess

import pytest

from agent.scenario import taken
from integration.inside import guests
from integration.pve import quorum
from offctl_agent import converge
from offctl_agent.circumstances import Circumstances
from offctl_agent.execute import Outcome, Result
from offctl_agent.observed import Effective, ObservedContainer, Unknown
from offctl_agent.state import State
from planner import case

SITE = f"""
subids = ["u:1000:64536", "g:1000:64536"]

[[dataset]]
name = "tank/off"
uid = 1000
properties = {{ compression = "lz4" }}
directory = [{{ path = "users", uid = 1000, gid = 1000 }}]

[[dataset]]
name = "tank/off/images"
properties = {{ atime = "off" }}

[[dataset]]
name = "tank/db"

[[container]]
id = 113
template = "{guests.TEMPLATE}"
root = {{ storage = "tank-pve", size_gib = 1 }}
options = {{ cores = "1", protection = "1", hostname = "off", memory = "128" }}
idmap = ["u 0 100000 1000", "u 1000 1000 64536", "g 0 100000 1000", "g 1000 1000 64536"]
network = [{{ index = 0, name = "eth0", bridge = "vmbr0", options = {{ ip = "10.77.0.113/24" }} }}]
services = ["nginx.service"]
mount = [
  {{ target = "/mnt/off", source = "/tank/off", dataset = "tank/off" }},
  {{ target = "/mnt/off/images", source = "/tank/off/images", dataset = "tank/off/images" }},
  {{ target = "/mnt/off/users", source = "/tank/off/users", dataset = "tank/off", subdirectory = "users" }},
  {{ target = "/var/cache/off", storage = "tank-pve", size = "1G" }},
]

[[container]]
id = 120
template = "{guests.TEMPLATE}"
root = {{ storage = "tank-pve", size_gib = 1 }}
options = {{ hostname = "db", startup = "order=1", memory = "128" }}
mount = [{{ target = "/data", source = "/tank/db", dataset = "tank/db" }}]

[[container]]
id = 130
run = "stopped"
template = "{guests.TEMPLATE}"
root = {{ storage = "tank-pve", size_gib = 1 }}
options = {{ hostname = "spare" }}
"""  # noqa: E501
MOUNTS = {
    113: {
        "/mnt/off": "/tank/off",
        "/mnt/off/images": "/tank/off/images",
        "/mnt/off/users": "/tank/off/users",
    },
    120: {"/data": "/tank/db"},
}


class Host:
    """The agent on this guest, and the operator beside it."""

    def __init__(self, rig: guests.GuestRig, home: Path) -> None:
        self.rig = rig
        self.told: list[Result] = []
        self._state = home / "state"

    def run(self, text: str = SITE, *, restarts: tuple[int, ...] = ()) -> converge.Run:
        circumstances = Circumstances(
            clock=lambda: datetime.now(UTC),
            restarts=frozenset(restarts),
            go_on=lambda: True,
            tell=self.told.append,
        )
        state = State(self._state)
        state.prepare()
        return converge.run(taken(case.desired(text), ""), state, self.rig.guest, circumstances)

    def effective(self, number: int) -> Effective | None:
        found = self.rig.guest.observe(case.desired(SITE)).containers
        assert not isinstance(found, Unknown), found
        there = next(c for c in found if isinstance(c, ObservedContainer) and c.id == number)
        return there.effective

    def by_hand(self, *argv: str) -> str:
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        assert done.returncode == 0, (argv, done.stdout, done.stderr)
        return done.stdout

    def edit(self, number: int, old: bytes, new: bytes) -> None:
        content = self.rig.read(number)
        assert old in content
        self.rig.write(number, content.replace(old, new))


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    home = tmp_path_factory.mktemp("host")
    with guests.real(home) as rig:
        yield Host(rig, home)


def test_an_empty_host_becomes_what_is_written_in_one_run(host: Host) -> None:
    run = host.run()
    assert [(e.resource, e.detail) for e in run.events if e.outcome != "done"] == []
    assert run.plan.steps == ()
    for number, wanted in MOUNTS.items():
        effective = host.effective(number)
        assert effective is not None
        shown = {t: s for t, s in effective.mounts if t != "/var/cache/off"}
        assert shown == wanted
    assert Path("/tank/off/users").stat().st_uid == 1000
    assert host.effective(130) is None


def test_then_nothing_is_done_and_no_pct_is_started(host: Host) -> None:
    before = host.rig.called()
    run = host.run()
    assert run.events == []
    assert run.plan.steps == ()
    new = host.rig.called()[len(before) :]
    assert [line for line in new if line.startswith("pct")] == []
    # One program for each pool, and one that tells which there are.
    assert len(new) <= 2 + len([line for line in new if line.startswith("zpool")]), new


def test_what_is_inside_really_is_what_is_outside(host: Host) -> None:
    Path("/tank/off/images/one").write_text("data")
    assert host.by_hand("pct", "exec", "113", "--", "cat", "/mnt/off/images/one") == "data"


def test_services_that_do_not_run_are_told(host: Host) -> None:
    findings = [f for f in host.run().plan.findings if f.state == "drift"]
    assert [f.reason for f in findings] == ["no process of it runs"]


def test_drift_is_undone_and_called_so(host: Host) -> None:
    host.by_hand("pct", "set", "113", "--memory", "256", "--protection", "0")
    host.by_hand("zfs", "set", "compression=off", "tank/off")
    host.by_hand("pct", "stop", "120")
    host.edit(130, b"hostname: spare", b"hostname: other")
    run = host.run()
    assert run.plan.steps == ()
    drifted = (*(f"container {n} ct{n}" for n in (113, 120, 130)), "dataset tank/off")
    assert {e.resource for e in run.events} == set(drifted)
    assert {(e.origin, e.outcome) for e in run.events} == {("corrective", "done")}
    assert b"protection: 1" in host.rig.read(113)


def test_a_container_started_over_an_empty_directory_is_seen_and_mended(host: Host) -> None:
    Path("/tank/db/precious").write_text("data")
    host.by_hand("pct", "stop", "120")
    host.by_hand("zfs", "unmount", "tank/db")
    host.by_hand("pct", "start", "120")
    run = host.run()
    left = [step.text for step in run.plan]
    assert left == ["restart"]
    assert run.results["container 120", "restart"].outcome is Outcome.WAITING
    effective = host.effective(120)
    assert effective is not None
    assert "directory under what is mounted there now" in dict(effective.mounts)["/data"]
    run = host.run(restarts=(120,))
    assert run.plan.steps == ()
    assert host.effective(120) is not None
    assert Path("/tank/db/precious").read_text() == "data"


def test_a_source_that_is_missing_is_named_before_the_start(host: Host) -> None:
    host.by_hand("pct", "stop", "120")
    host.by_hand("pct", "set", "120", "--mp7", "/srv/nowhere,mp=/mnt/nowhere")
    run = host.run()
    failed = run.results["container 120", "start"]
    assert failed.outcome is Outcome.FAILED
    assert "mp7: source /srv/nowhere: it does not exist" in failed.detail
    host.by_hand("pct", "set", "120", "--delete", "mp7")
    assert host.run().plan.steps == ()


def test_a_second_line_of_one_number_is_undone(host: Host) -> None:
    host.edit(120, b"mp0: /tank/db,mp=/data\n", b"mp0: /tank/db,mp=/data\nmp0: /tank,mp=/data\n")
    run = host.run(restarts=(120,))
    assert {(e.resource, e.outcome) for e in run.events} == {("container 120 ct120", "done")}
    assert run.plan.steps == ()
    assert host.rig.read(120).count(b"mp0: ") == 1
    effective = host.effective(120)
    assert effective is not None
    assert dict(effective.mounts) == {"/data": "/tank/db"}


def test_nothing_happens_without_quorum_or_etc_pve(host: Host) -> None:
    host.by_hand("pct", "set", "113", "--memory", "256")
    for damage in (quorum.lost, quorum.unmounted):
        with damage():
            run = host.run()
            assert run.events == []
    run = host.run()
    assert [e.origin for e in run.events] == ["corrective"]
    assert run.plan.steps == ()


def test_a_locked_container_waits_and_the_rest_goes_on(host: Host) -> None:
    host.by_hand("pct", "set", "113", "--memory", "256")
    host.by_hand("pct", "set", "120", "--memory", "256")
    host.by_hand("pct", "set", "113", "--lock", "backup")
    run = host.run()
    assert [e.resource for e in run.events] == ["container 120 ct120"]
    assert [step.reason for step in run.plan] == [
        "locked by PVE (backup); offctl goes on when that ends"
    ]
    host.by_hand("pct", "unlock", "113")
    assert host.run().plan.steps == ()
