"""Replacing a stolen release key with the real programs, from the operator's desk to a host."""

import json
import re

from demo import story
from demo.stage import Stage

CONFIG = "--config ovh1/agent.toml"


def report(room: Stage) -> dict[str, object]:
    said = room.query(f"offctl-agent status {CONFIG} --json")
    found: dict[str, object] = (json.loads(said)["report"] if said else None) or {}
    return found


def test_a_stolen_key_is_replaced_everywhere(room: Stage) -> None:
    story.start_coordinator(room)
    room.run("offctl publish one.release")
    story.start_host(room, "ovh1")
    room.wait("ovh1", lambda: report(room).get("serial") == 1)

    made = re.search(r"ed25519:\S+", room.run("offctl key new new.pem"))
    assert made is not None
    rotate = f"offctl trust rotate trust.toml -o 2.json --release-key new={made[0]}"
    said = room.run(f"{rotate} --remove release-key/desk --key release.pem")
    assert "1 more of the keys its own must sign: new" in said
    room.run("offctl publish 2.json", expect=2)
    room.run("offctl sign --append 2.json --key new.pem")
    room.run("offctl trust verify trust.toml 2.json -o trust2.toml")
    assert "trust root 2 is in force" in room.run("offctl publish 2.json")

    # What the stolen key signs is refused now, and what it had signed is not served any more.
    room.run("offctl sign site --key release.pem --previous one.release -o stolen.release")
    assert "[SIG_INVALID]" in room.run("offctl publish stolen.release", expect=2)
    room.run("offctl sign site --key new.pem --previous one.release -o two.release")
    room.run("offctl publish two.release")
    room.wait("ovh1 to follow", lambda: report(room).get("serial") == 2)
    assert report(room)["refused"] is None
    shown = room.run("offctl trust show ovh1/trust.toml")
    assert "trust root 2 of site openfoodfacts" in shown

    # A host that is handed the stolen key's release refuses it too.
    room.stop("courier-ovh1", "agent-ovh1")
    story.hand_over(room, "stolen.release", "ovh1")
    assert "[SIG_INVALID]" in room.run(f"offctl-agent apply {CONFIG}", expect=2)
