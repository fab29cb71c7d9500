"""Since when something is asked for, and who changed it: also where it cannot be told."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from offctl.planner import resources
from offctl.planner.ledger import Entry, Ledger
from offctl.planner.plan import Resource
from offctl.report import Difference, Event, Report, Unasked
from offctl_cli import lately

TIME = "2026-03-01T12:00:00Z"
REPORT = Report(
    "s", "off2", "0" * 16, 1, datetime(2026, 3, 1, tzinfo=UTC), "1", "enforce", 1, "", "", "fresh",
    60, 1,
)  # fmt: skip


def event(resource: Resource, *fields: str) -> Event:
    differences = tuple(Difference(field, "a", "b") for field in fields)
    return Event(TIME, resource.label, "do", "wanted", "done", "", differences)


EVENTS = (
    event(resources.directory("/tank/a"), "uid"),
    event(resources.dataset("tank/a"), "mounted"),
    event(resources.container(113, "was-called-so"), "cores"),
    event(resources.container(1134, "off"), "cores"),
    event(resources.stunnel(113, "off", "off"), "files", "in force"),
    event(resources.stunnel(0, "off"), "files"),
    event(resources.stunnel(113, "off-two", "off"), "files"),
)


@pytest.mark.parametrize(
    ("resource", "field", "told"),
    [
        (resources.directory("/tank/a"), "uid", ["uid"]),
        (resources.directory("/tank/a"), "gid", []),
        (resources.dataset("tank/a"), "mounted", ["mounted"]),
        (resources.container(113), "cores", ["cores"]),
        (resources.stunnel(113, "off"), "", ["files", "in force"]),
        (resources.stunnel(0, "off"), "", ["files"]),
    ],
)
def test_what_was_done_is_found_by_the_words_of_plans(
    resource: Resource, field: str, told: list[str]
) -> None:
    found = list(lately.happened(resource, field, replace(REPORT, events=EVENTS)))
    assert found == [f"{TIME}  offctl: do: {name}: a → b (wanted, done)" for name in told]


def test_what_somebody_did_to_the_files_of_a_tunnel_is_told() -> None:
    resource = resources.stunnel(113, "off", "off")
    change = Unasked(resource.label, "files", "x", "y", "", TIME, "", "", "", "")
    found = lately.happened(resources.stunnel(113, "off"), "", replace(REPORT, unasked=(change,)))
    assert [text.startswith(f"{TIME}  somebody: ") for text in found] == [True]


def test_who_made_a_tunnel_so_is_remembered_of_its_stunnel() -> None:
    known = Ledger(
        {"stunnel 113:off": {"files": Entry("x", ours=True), "z": Entry("x", ours=False)}}
    )
    assert lately.remembered(resources.stunnel(113, "off"), "", known) == "offctl set it"
    assert lately.remembered(resources.stunnel(113, "off"), "z", known).startswith("it was so")
    assert lately.remembered(resources.stunnel(113, "on"), "", known) == ""
