"""Waves end to end: real programs, real TLS, a canary whose container falls ill and is mended."""

import json

from demo import story
from demo.stage import Stage

CANARY = "ovh1"
REST = "off2"
PROBE = '\n[containers.ovh-stunnel-client.probe]\ncommand = ["true"]\ngrace = "2s"\n'
SICK = '[[sick]]\ncontainer = 113\nline = "cores: 3"\nstderr = "connection refused"\n'


def edit(room: Stage, header: str, old: str, new: str) -> None:
    """Change the site's text in the one file that has `header`."""
    [file] = [p for p in (room.directory / "site").rglob("*.toml") if header in p.read_text()]
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def publish(room: Stage, name: str) -> None:
    room.run(f"offctl sign site --key release.pem -o {name}.release --previous one.release")
    room.run(f"offctl publish {name}.release")


def rollout(room: Stage) -> dict[str, object]:
    found: dict[str, object] = json.loads(room.query("offctl rollout status --json"))
    return found


def held_serial(room: Stage, host: str) -> int:
    said = room.query(f"offctl-agent status --config {host}/agent.toml --json")
    report = json.loads(said)["report"] if said else None  # before its first run it has no outbox
    return int(report["serial"]) if report else 0


def test_a_canary_that_falls_ill_halts_the_rest_and_is_mended(room: Stage) -> None:
    edit(room, f"[hosts.{CANARY}]", f"[hosts.{CANARY}]\n", f'[hosts.{CANARY}]\nsoak = "3s"\n')
    for host in (REST, "off1"):
        edit(room, f"[hosts.{host}]", f"[hosts.{host}]\n", f"[hosts.{host}]\nwave = 2\n")
    [file] = [
        p
        for p in (room.directory / "site").rglob("*.toml")
        if "[containers.ovh-stunnel-client]" in p.read_text()
    ]
    file.write_text(file.read_text() + PROBE)
    (room.directory / CANARY / "machine" / "health.toml").write_text(SICK)
    story.start_coordinator(room)
    publish(room, "two")
    for host in (CANARY, REST):
        story.start_host(room, host)
    room.wait("the second wave's turn", lambda: rollout(room)["wave"] == 2)
    room.wait("the second host", lambda: held_serial(room, REST) == 2)

    file.write_text(file.read_text().replace("cores = 2", "cores = 3"))
    room.run("offctl sign site --key release.pem -o three.release --previous two.release")
    room.run("offctl publish three.release")
    room.wait("the halt", lambda: bool(rollout(room)["halted"]))
    shown = room.run("offctl rollout status", expect=2)
    assert "halted: ovh1: container 113: undone " in shown
    assert "connection refused" in shown
    conf = room.directory / CANARY / "machine" / "etc/pve/lxc/113.conf"
    assert "cores: 2" in conf.read_text()
    assert held_serial(room, REST) == 2
    status = room.run("offctl status ovh1", expect=2)
    assert "undo" in status
    assert "queued" in room.query("offctl status")

    room.run("offctl revert 2 --yes --sign-with release.pem -o four.release ")
    room.run("offctl publish four.release")
    room.wait("everybody", lambda: held_serial(room, REST) == 4)
    assert rollout(room)["halted"] == ""
    assert "cores: 2" in conf.read_text()


def test_pause_and_promote_as_an_operator_does_it(room: Stage) -> None:
    for host in (REST, "off1"):
        edit(room, f"[hosts.{host}]", f"[hosts.{host}]\n", f"[hosts.{host}]\nwave = 2\n")
    story.start_coordinator(room)
    publish(room, "two")
    room.run("offctl rollout pause --reason 'donations campaign'")
    story.start_host(room, CANARY)
    story.start_host(room, REST)
    room.wait("the canary", lambda: held_serial(room, CANARY) == 2)
    assert "paused by desk: donations campaign" in room.run("offctl rollout status", expect=1)
    assert held_serial(room, REST) == 0
    said = room.run("offctl rollout promote")
    assert said == "release 2: wave 2 has its turn: off1, off2\n"
    room.wait("the rest", lambda: held_serial(room, REST) == 2)
    room.run("offctl rollout promote", expect=2)
    room.run("offctl rollout resume")
