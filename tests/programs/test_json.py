"""Every `--json` prints what docs/json.md says it prints: no key more, none less."""

from datetime import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from demo import story
from demo.stage import Stage
from manners.commands import leaves
from unitfiles import ROOT

MANUAL = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
SHAPES: dict[str, Any] = {
    name: json.loads(section.split("```json\n")[1].split("```")[0])
    for section in MANUAL.split("\n## ")[1:]
    for name in section.splitlines()[0].split(", ")
}
OR_NOTHING = "or nothing"
# In offctl-status(7).
ELSEWHERE = {"offctl events", "offctl history", "offctl status"}
KINDS: dict[str, Any] = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "true or false": lambda value: isinstance(value, bool),
    "time": lambda value: isinstance(value, str) and bool(datetime.fromisoformat(value)),
}


def wrong(value: Any, shape: Any, at: str = "") -> list[str]:
    """Where a document is not of its shape."""
    if isinstance(shape, dict):
        if value is None and OR_NOTHING in shape:
            return []
        wanted = set(shape) - {OR_NOTHING}
        if not isinstance(value, dict) or set(value) != wanted:
            return [
                f"{at}: {value if not isinstance(value, dict) else sorted(set(value) ^ wanted)}"
            ]
        return [each for key in wanted for each in wrong(value[key], shape[key], f"{at}.{key}")]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{at}: {value!r}"]
        return [each for i, v in enumerate(value) for each in wrong(v, shape[0], f"{at}[{i}]")]
    kind = shape.removesuffix(f" {OR_NOTHING}")
    if value is None and kind != shape:
        return []
    if kind == "report":
        return wrong(value, SHAPES["offctl-agent apply"], at)
    right = value in kind.split("|") if "|" in kind else KINDS[kind](value)
    return [] if right else [f"{at}: {value!r} is no {kind}"]


def test_every_command_that_speaks_json_is_documented_and_no_other() -> None:
    speaking = {
        each.name for each in leaves() if any("--json" in p.opts for p in each.command.params)
    }
    assert {name.removesuffix(" --rules") for name in SHAPES} == speaking - ELSEWHERE


def test_a_shape_is_not_any_document() -> None:
    shape = SHAPES["offctl-agent doctor"]
    assert wrong({"fit": True, "findings": []}, shape) == []
    assert wrong({"fit": 1, "findings": []}, shape)
    assert wrong({"fit": True}, shape)
    assert wrong({"fit": True, "findings": [], "more": 1}, shape)
    assert wrong({"fit": True, "findings": [{"name": "x"}]}, shape)
    assert wrong([], shape)
    assert wrong("x", "added|removed")
    assert wrong(None, "time")
    assert wrong(None, "time or nothing") == []
    assert wrong(True, "number")


def asked(mistaken: list[str], room: Stage, command: str, name: str) -> Any:
    said = room.query(command)
    assert said, command
    found = json.loads(said)
    mistaken.extend(f"{command}{each}" for each in wrong(found, SHAPES[name]))
    return found


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_what_is_printed_is_what_is_documented(room: Stage) -> None:
    agent = "--json --config ovh1/agent.toml"
    wrongly: list[str] = []
    for command in ("check site --json", "check --rules --json", "trust show trust.toml --json"):
        words = " ".join(word for word in command.split() if word not in ("site", "trust.toml"))
        asked(wrongly, room, f"offctl {command}", f"offctl {words.removesuffix(' --json')}")
    asked(wrongly, room, "offctl key new other.pem --json", "offctl key new")
    asked(wrongly, room, "offctl key public other.pem --json", "offctl key public")
    story.start_coordinator(room)
    assert asked(wrongly, room, "offctl publish one.release --json", "offctl publish")["release"][
        "serial"
    ]

    assert asked(wrongly, room, f"offctl-agent plan {agent}", "offctl-agent plan")["steps"]
    assert asked(wrongly, room, f"offctl-agent apply {agent}", "offctl-agent apply")["events"]
    room.start("courier-ovh1", "offctl-courier run --config ovh1/agent.toml")
    plan = "offctl plan site --host ovh1 --json"
    room.wait("what ovh1 observed", lambda: json.loads(room.query(plan))["hosts"][0]["observed"])
    assert asked(wrongly, room, f"offctl-agent status {agent}", "offctl-agent status")["courier"]
    asked(wrongly, room, f"offctl-agent doctor {agent}", "offctl-agent doctor")

    edit(room.directory / "site" / "containers" / "ovh.toml", "memory = 512", "memory = 768")
    edit(room.directory / "site" / "containers" / "ovh.toml", '"6G"', '"7G"')
    assert asked(wrongly, room, plan, "offctl plan")["hosts"][0]["steps"]
    assert asked(wrongly, room, "offctl diff published site --json", "offctl diff")["changes"]
    where = "ovh1/containers/ovh-stunnel-client"
    explained = asked(wrongly, room, f"offctl explain {where} --site site --json", "offctl explain")
    assert explained["properties"]
    asked(wrongly, room, "offctl rollout status --json", "offctl rollout status")
    assert asked(wrongly, room, "offctl tunnels --json", "offctl tunnels")
    assert wrongly == []


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_shape_says_something(name: str) -> None:
    assert SHAPES[name]
