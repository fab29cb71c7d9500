"""New keys for a host, and a host shut out, with the real programs."""

from functools import partial
import json

from demo import story
from demo.stage import Stage
from programs import keys

CONFIG = "--config ovh1/agent.toml"
HOSTS = ("off2", "ovh1")


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


def ends(room: Stage) -> set[tuple[str, str, int, int]]:
    """State, role, generation and how many tunnels say so, of those between ovh1 and off2."""
    found = [
        (end["state"], end["role"], end["generation"])
        for link in json.loads(room.query("offctl tunnels --json"))
        for end in link["ends"]
        if link["tunnel"] in ("mongodb-ovh", "redis-ovh")
    ]
    return {(*each, found.count(each)) for each in found}


def say(room: Stage, expected: set[tuple[str, str, int, int]]) -> bool:
    return ends(room) == expected


def test_another_tunnel_key_waits_for_a_rotation_which_leads_out(room: Stage) -> None:
    story.start_coordinator(room)
    room.run("offctl publish one.release")
    for host in HOSTS:
        story.start_host(room, host)
    first = {("proven", "client", 1, 2), ("loaded", "server", 1, 2)}
    room.wait("both ends", lambda: ends(room) == first)

    init = f"offctl-agent init {CONFIG} --host ovh1 --replace tunnel-key"
    (room.directory / "lines").write_text(room.query(init))
    said = room.run("offctl host add ovh1 lines --replace --site site")
    assert "offctl tunnel rotate --host ovh1" in said
    publish(room, "2", "one")
    room.wait("the new key", lambda: state(room)[1] == 2)
    # No key changes under its name: the far end would not know. All goes on as it was.
    said = room.run(f"offctl-agent apply {CONFIG}", expect=1)
    assert "a key never changes without a new generation: rotate the tunnel" in said
    assert ends(room) == first

    client, both = ("proven", "client", 2, 2), {("loaded", "server", 1, 2)}
    new = ("loaded", "server", 2, 2)
    phases = ({("proven", "client", 1, 2), new} | both, {client, new} | both, {client, new})
    for number, expected in enumerate(phases, 3):
        said = room.run("offctl tunnel rotate --host ovh1 --site site")
        assert "robotoff: left as it is, its key is in /etc/offctl/psk/robotoff" in said
        assert ("that was the last phase" in said) is (number == 5)
        publish(room, str(number), str(number - 1))
        room.wait(f"phase {number}", partial(say, room, expected))
    room.wait("all to be right", lambda: state(room) == ("converged", 5))

    plans = [room.query(f"offctl-agent plan --config {host}/agent.toml") for host in HOSTS]
    looked = keys.search(room, *plans, room.query("offctl tunnels"), room.query("offctl status"))
    assert looked.found == ()
    assert looked.keys >= 4
    assert looked.bytes > 1_000_000
    room.title(f"{looked.keys} keys looked for in {looked.bytes} bytes of {looked.files} files")


def test_phases_out_of_order_are_not_published(room: Stage) -> None:
    """Written by hand: the new generation alone, while the client end still uses the old one."""
    story.start_coordinator(room)
    room.run("offctl publish one.release")
    for host in HOSTS:
        story.start_host(room, host)
    room.wait("both ends", lambda: ("proven", "client", 1, 2) in ends(room))
    path = room.directory / "site" / "tunnels.toml"
    text = path.read_text()
    path.write_text(text.replace("[tunnels.redis-ovh]\n", "[tunnels.redis-ovh]\ngeneration = 2\n"))
    room.run("offctl sign site --key release.pem --previous one.release -o two.release", show=False)
    said = room.run("offctl publish two.release", expect=2)
    assert "it would cut tunnel redis-ovh: off2 would not accept generation 1 any more" in said
    room.run("offctl publish two.release --cut redis-ovh")
