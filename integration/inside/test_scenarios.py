"""Whole runs of the agent on a real pool and real containers: built, left alone, drifted, mended.

The tests of this file follow each other on one host, as days do.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.inside import forking, guests
from integration.inside.days import MOUNTS, Host
from integration.pve import quorum
from offctl_agent.execute import Outcome


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    home = tmp_path_factory.mktemp("host")
    with forking.served(home), guests.real(home) as rig:
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
    # Stopped and started so often that it would wait: this is a person's word.
    run = host.run(restarts=(120,))
    failed = run.results["container 120", "start"]
    assert failed.outcome is Outcome.FAILED
    assert "mp7: source /srv/nowhere: it does not exist" in failed.detail
    host.by_hand("pct", "set", "120", "--delete", "mp7")
    assert host.run(restarts=(120,)).plan.steps == ()


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
        (
            "locked by PVE (backup); offctl goes on when that ends; when no task of PVE is at it "
            "any more, `pct unlock 113` is yours to run"
        )
    ]
    host.by_hand("pct", "unlock", "113")
    assert host.run().plan.steps == ()
