"""Holding a host and approving a plan as an operator does it, with the real programs."""

import json
from pathlib import Path

from demo.stage import Stage

CONFIG = "--config ovh1/agent.toml"
APPLY = f"offctl-agent apply {CONFIG}"
PLAN = f"offctl-agent plan {CONFIG}"
HOLD = f"offctl-agent hold {CONFIG}"
STATUS = f"offctl-agent status {CONFIG}"


def test_a_hold_works_offline_survives_and_is_released(room: Stage) -> None:
    said = room.run(f"{HOLD} --for 2h --reason 'restore of the proxy'")
    assert "held: nothing is changed on host ovh1 until " in said
    held = room.run(APPLY, expect=1)
    assert "hold on host ovh1 until " in held
    assert "restore of the proxy" in held
    assert "`offctl-agent hold --release` on the host ends it" in held
    assert list((room.directory / "ovh1" / "machine" / "etc/pve/lxc").glob("*.conf")) == []
    assert "hold on host ovh1" in room.run(PLAN, expect=1)
    assert "hold on host ovh1" in room.run(STATUS, expect=1)
    report = json.loads(room.query(f"{STATUS} --json"))["report"]
    assert [wait["kind"] for wait in report["waits"]] == ["hold"]
    assert report["counts"]["held"] > 0
    assert "this host is held until" in room.run(HOLD)
    assert "released: restore of the proxy" in room.run(f"{HOLD} --release")
    assert "nothing was held" in room.run(f"{HOLD} --release", expect=1)
    assert "nothing is held here" in room.run(HOLD)
    assert "are as desired" in room.run(APPLY)


def test_a_running_agent_obeys_at_once_and_goes_on_when_released(room: Stage) -> None:
    room.start("agent", f"offctl-agent run {CONFIG}")
    conf = room.directory / "ovh1" / "machine" / "etc/pve/lxc/113.conf"
    room.wait("the container", conf.exists)
    room.run(f"{HOLD} --reason 'looking at it'")
    before = conf.read_bytes()
    conf.write_bytes(before.replace(b"cores: 2", b"cores: 1"))
    changed = conf.read_bytes()
    room.kill("agent")
    room.wait("a report that is held", lambda: "hold on host" in room.query(STATUS))
    assert conf.read_bytes() == changed
    room.run(f"{HOLD} --release")
    room.wait("the repair", lambda: conf.read_bytes() == before)


def test_half_an_order_holds_nothing(room: Stage) -> None:
    room.run(f"{HOLD} --for 2h", expect=2)
    room.run(f"{HOLD} --for '2 hours' --reason x", expect=2)
    room.run(f"{HOLD} --release --reason x", expect=2)
    assert not (room.directory / "ovh1" / "state" / "agent" / "holds").exists()


def test_a_plan_waits_for_its_approval(room: Stage) -> None:
    room.run(APPLY)
    site = room.directory / "site"
    host = next(p for p in site.rglob("*.toml") if "[hosts.ovh1]" in p.read_text())
    text = host.read_text()
    host.write_text(text + "\n[hosts.ovh1.max_delta]\ncontainers = 0\n")
    _publish(room, "two.release")
    room.run(APPLY)
    conf = room.directory / "ovh1" / "machine" / "etc/pve/lxc/113.conf"
    before = conf.read_bytes()
    conf.write_bytes(before.replace(b"cores: 2", b"cores: 1"))
    assert conf.read_bytes() != before
    held = room.run(APPLY, expect=1)
    assert "approval on host ovh1: the plan touches 1 of " in held
    plan = json.loads(room.query(f"{PLAN} --json"))
    found = plan["waits"][0]["go_on"].split("approve ", 1)[1].split("`")[0]
    said = room.run(f"offctl-agent approve {CONFIG} {'0' * 64}", expect=2)
    assert f"the plan on this host is now {found} [OTHER_PLAN]" in said
    assert "approved: 1 to do" in room.run(f"offctl-agent approve {CONFIG} {found[:12]}")
    assert "are as desired" in room.run(APPLY)


def test_a_plan_is_approved_in_the_signed_text(room: Stage) -> None:
    site = room.directory / "site"
    host = next(p for p in site.rglob("*.toml") if "[hosts.ovh1]" in p.read_text())
    host.write_text(host.read_text() + "\n[hosts.ovh1.max_delta]\ncontainers = 0\n")
    _publish(room, "two.release")
    room.run(APPLY)
    conf = room.directory / "ovh1" / "machine" / "etc/pve/lxc/113.conf"
    conf.write_bytes(conf.read_bytes().replace(b"cores: 2", b"cores: 1"))
    room.run(APPLY, expect=1)
    plan = json.loads(room.query(f"{PLAN} --json"))
    found = plan["waits"][0]["go_on"].split("approve ", 1)[1].split("`")[0]
    room.run(f"offctl approve ovh1 {found} --site site")
    _publish(room, "two.release")
    assert "are as desired" in room.run(APPLY)


def test_a_freeze_is_written_signed_and_obeyed(room: Stage) -> None:
    room.run("offctl freeze ovh1 --for 2h --reason 'donations campaign' --site site")
    _publish(room, "two.release")
    held = room.run(APPLY, expect=1)
    assert "freeze on host ovh1 until " in held
    assert "donations campaign" in held
    room.run("offctl freeze ovh1 --release --site site")
    _publish(room, "two.release")
    assert "are as desired" in room.run(APPLY)


def _publish(room: Stage, release: str) -> None:
    from demo import story

    file = Path(room.directory / release)
    previous = "" if file.exists() else " --previous one.release"
    room.run(f"offctl sign site --key release.pem -o {release}{previous}")
    story.hand_over(room, release, "ovh1")
