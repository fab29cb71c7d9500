"""The ids of lines in the journal: they never change, are unlike, used, and told of."""

from pathlib import Path
import re

from offctl.messages import Message
from unitfiles import ROOT

KEPT = Path(__file__).with_name("message_ids.txt")
WATCHING = ROOT / "docs" / "watching.md"
PROGRAMS = {
    "offctl-agent": ROOT / "agent" / "offctl_agent",
    "offctl-courier": ROOT / "agent" / "offctl_courier",
    "offctl-coordinator": ROOT / "coordinator" / "offctl_coordinator",
}


def test_no_id_ever_changes() -> None:
    """A new one is added to the file; a line of it is never edited, nor taken away."""
    kept = [tuple(line.split()) for line in KEPT.read_text(encoding="utf-8").splitlines()]
    assert [(message.name, message.value) for message in Message] == kept


def test_an_id_is_what_journald_takes_and_stands_for_one_thing() -> None:
    ids = [message.value for message in Message.__members__.values()]
    assert len(set(ids)) == len(ids)
    # sd-id128(3): a version 4 UUID without dashes.
    assert all(re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", one) for one in ids)


def said_by(directory: Path) -> set[str]:
    texts = (path.read_text(encoding="utf-8") for path in directory.rglob("*.py"))
    return {name for text in texts for name in re.findall(r"Message\.([A-Z_]+)\b", text)}


def test_every_one_is_said_by_the_programs_that_the_documentation_names() -> None:
    said = {program: said_by(directory) for program, directory in PROGRAMS.items()}
    text = WATCHING.read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `([0-9a-f]{32})` \| ([^|]+) \| [^|]+ \|$", text)
    told = [(i, {name.strip() for name in programs.split(",")}) for i, programs in rows]
    assert told == [
        (message.value, {program for program, names in said.items() if message.name in names})
        for message in Message
    ]


def test_fields_go_with_it() -> None:
    assert Message.FLOOD.fields() == {"MESSAGE_ID": Message.FLOOD.value}
    assert Message.FLOOD.fields(OFFCTL_HOST="off2")["OFFCTL_HOST"] == "off2"
