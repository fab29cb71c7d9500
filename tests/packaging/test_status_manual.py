"""offctl-status(7) names every state, and every field of the JSON that programs are promised."""

from dataclasses import fields
from datetime import UTC, datetime
import re

import pytest

from offctl.concerns import Grade
from offctl.status import State
from offctl_cli import fleet, oneresource, overview
from unitfiles import ROOT

PAGE = (ROOT / "docs" / "man" / "offctl-status.7").read_text(encoding="utf-8")
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
SITE = fleet.Overview("", 0, "", NOON, NOON, "", (), (), 0, (), 0, None)


def section(title: str) -> set[str]:
    """The names in the list of a section."""
    text = PAGE.split(f".Ss {title}\n", 1)[1].split("\n.Ss ", 1)[0].split("\n.Sh ", 1)[0]
    lines = re.findall(r"(?m)^\.It Li (.+)$", text)
    return {name for line in lines for name in line.split(" , ")}


def names(kind: type) -> set[str]:
    return {field.name for field in fields(kind)}


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("States of hosts", {state.value for state in State}),
        ("offctl status", set(overview.overview_json(SITE))),
        ("Each host", names(fleet.HostStatus)),
        ("offctl status HOST RESOURCE", {"schema", "host", *names(oneresource.Shown)}),
        ("offctl events, offctl history HOST", {"schema", *names(fleet.Event)}),
        ("What else is told", {"tunnel", "pool", "approval", "hold", "freeze", "debt"}),
    ],
)
def test_the_manual_names_all_of_it_and_no_more(title: str, expected: set[str]) -> None:
    assert section(title) == expected


@pytest.mark.parametrize("kind", [fleet.Concern, fleet.Change, fleet.Progress, Grade])
def test_the_manual_names_the_parts(kind: type) -> None:
    known = {each.value for each in Grade} if kind is Grade else names(kind)
    words = set(re.findall(r"\b[a-z_]+\b", PAGE))
    assert known <= words


def test_the_states_stand_in_the_order_in_which_they_count() -> None:
    told = re.findall(r"(?m)^\.It Li ([a-z]+)$", PAGE.split(".Ss What else", 1)[0])
    assert told == [state.value for state in State]
