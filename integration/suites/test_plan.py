"""`offctl plan` before publishing, and the real host's own plan after it: the same."""

import json
from typing import Any

from integration.suites.scene import HOSTS, Scene

AGENT = "offctl-agent"
EDITS = (('"lz4"', '"zstd"'), ("cores = 1", "cores = 2"), ('mounts."/mnt', 'mounts."/srv'))
ASKED = {"create", "set properties", "set (in effect after a restart)"}
LATER = "[datasets.later]\n" + "".join(f'place.{name} = "tank/later"\n' for name in HOSTS)


def test_what_is_foreseen_is_what_the_host_plans(pair: Scene) -> None:
    host = pair.host("off1")
    assert foreseen(pair, expect=0)["steps"] == []

    data = pair.site / "data.toml"
    text = data.read_text()
    for old, new in EDITS:
        assert old in text
        text = text.replace(old, new)
    data.write_text(text)
    pair.write("later.toml", LATER)
    before = foreseen(pair, expect=3)

    # Nothing is done before both have been compared.
    host.run("systemctl", "stop", AGENT)
    serial = pair.sign_and_publish()
    arrived = f"until offctl-agent plan --json | grep -q '\"serial\": {serial},'; do sleep 2; done"
    host.sh(arrived)
    after = json.loads(host.run(AGENT, "plan", "--json", check=False).stdout)
    assert after["serial"] == serial
    assert before["digest"] == after["digest"]
    assert told(before) == told(after)
    assert {step["text"] for step in after["steps"]} >= ASKED

    host.run("systemctl", "start", AGENT)
    pair.settle(off1="pending")


def foreseen(pair: Scene, *, expect: int) -> dict[str, Any]:
    """What publishing the site as it is now would do on off1, by the operator's machine."""
    said = pair.offctl("plan", "site", "--host", "off1", "--json", expect=expect)
    (found,) = json.loads(said)["hosts"]
    assert found["host"] == "off1"
    return dict(found)


def told(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps, without whom they affect elsewhere, which a host cannot know."""
    return [{**step, "affects": None} for step in plan["steps"]]
