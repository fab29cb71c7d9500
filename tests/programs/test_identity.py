"""New keys for a host, and a host shut out, with the real programs."""

import json

from demo import story
from demo.stage import Stage

CONFIG = "--config ovh1/agent.toml"


def state(room: Stage) -> tuple[str, int]:
    said = json.loads(room.query("offctl status --json"))
    found = next(host for host in said["hosts"] if host["host"] == "ovh1")
    return found["state"], found["serial"]


def publish(room: Stage, name: str, previous: str) -> None:
    sign = f"offctl sign site --key release.pem --previous {previous}.release -o {name}.release"
    room.run(sign, show=False)
    room.run(f"offctl publish {name}.release")


def test_new_keys_then_none(room: Stage) -> None:
    story.start_coordinator(room)
    room.run("offctl publish one.release")
    story.start_host(room, "ovh1")
    room.wait("ovh1", lambda: state(room) == ("converged", 1))

    init = f"offctl-agent init {CONFIG} --host ovh1 --replace certificate"
    (room.directory / "lines").write_text(room.query(init))
    room.run("offctl host add ovh1 lines --site site", expect=2)
    said = room.run("offctl host add ovh1 lines --replace --site site")
    assert "new identity of host ovh1" in said
    publish(room, "two", "one")
    room.stop("courier-ovh1")
    room.start("courier-ovh1", f"offctl-courier run {CONFIG}")
    room.wait("the new keys", lambda: state(room) == ("converged", 2))

    room.run("offctl host revoke ovh1 --site site")
    publish(room, "three", "two")
    note = room.directory / "ovh1" / "state" / "inbox" / "courier.json"
    room.wait("ovh1 to be shut out", lambda: bool(json.loads(note.read_text())["error"]))
    # What runs there goes on.
    assert "are as desired" in room.run(f"offctl-agent apply {CONFIG}")


def test_another_tunnel_key_waits_for_a_new_generation(room: Stage) -> None:
    story.start_coordinator(room)
    room.run("offctl publish one.release")
    story.start_host(room, "ovh1")
    room.wait("ovh1", lambda: state(room) == ("converged", 1))
    init = f"offctl-agent init {CONFIG} --host ovh1 --replace tunnel-key"
    (room.directory / "lines").write_text(room.query(init))
    room.run("offctl host add ovh1 lines --replace --site site")
    publish(room, "two", "one")
    room.wait("the new key", lambda: state(room)[1] == 2)
    # No key changes under its name: the far end would not know.
    said = room.run(f"offctl-agent apply {CONFIG}", expect=1)
    assert "would change without a new generation" in said
    assert "rotate the tunnel" in said
