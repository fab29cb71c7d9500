"""Every command of the documentation, lived through from an empty desk to the last page.

Blocks are typed in the order in which a newcomer reads. What stands in the middle of a sentence, in
a table or in a manual page is given to the program's own parser.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
import re

import pytest

from demo import story
from demo.stage import Stage
from documents import parsing, reading
from documents.reading import Shown, Written
from documents.world import EXAMPLES, World, stand_in_of
from unitfiles import ROOT

# As a newcomer reads. Each page goes on with what the ones before it left.
ORDER = (
    "docs/getting-started.md",
    "docs/site.md",
    "docs/adding-a-flavor.md",
    "docs/moving-a-dataset.md",
    "docs/adding-a-host.md",
    "docs/when-something-is-wrong.md",
    "docs/taking-over.md",
    "docs/rotating-keys.md",
    "docs/watching.md",
    "docs/disasters.md",
)
# How many are run at least, how many are parsed at least, and how many stood in for: a page that
# loses its commands is noticed.
RUN = 152
IN_SENTENCES = 188
STOOD_IN = {
    "apt": 7,
    "promtool": 2,
    "systemctl": 18,
    "zfs get": 1,
    "zfs send": 2,
    "zfs snapshot": 2,
}


def _no_waves(world: World) -> None:
    # Nobody watches a canary for a quarter of an hour here.
    story.all_at_once(world.stage)


def _others_do_their_part(world: World) -> None:
    """Keys agreed on with ends that are not managed, and what the site's own replication brings."""
    for host in story.HOSTS:
        story.put_keys_of_far_ends(world.stage, host)
    story.replicate(world.stage, "last.release")


def _replication(world: World) -> None:
    story.replicate(world.stage, "last.release")


def _no_coordinator_any_more(world: World) -> None:
    world.stage.stop("coordinator-coordinator")
    world.stage.log("coordinator-coordinator")
    world.wipe("coordinator")


def _ovh1_is_installed_anew(world: World) -> None:
    world.stage.stop("courier-ovh1", "agent-ovh1")
    world.stage.log("courier-ovh1")
    world.wipe("ovh1")


def _the_courier_brings_it(world: World) -> None:
    """A reader who is told that there is nothing yet asks again."""
    name = "courier-ovh1"
    world.stage.wait(
        f"a release for {name}",
        lambda: any("in the inbox: a release" in line for line in world.stage.log(name)),
    )


# What happens beside a command, or just before a section, that no document can show: what other
# programs, and accidents, do meanwhile.
AFTER: dict[tuple[str, str], Callable[[World], None]] = {
    ("docs/getting-started.md", f"cp -r {EXAMPLES}/openfoodfacts site"): _no_waves,
    ("docs/getting-started.md", "offctl publish last.release"): _others_do_their_part,
    ("docs/adding-a-flavor.md", "offctl explain off2/containers/okf --site site"): _replication,
    ("docs/moving-a-dataset.md", "zfs list"): _replication,
    ("docs/disasters.md", ""): _no_coordinator_any_more,
    ("docs/disasters.md", "A host was installed anew"): _ovh1_is_installed_anew,
    ("docs/disasters.md", "systemctl start offctl-courier"): _the_courier_brings_it,
}


def live_through(world: World, page: str) -> None:
    """Do what a page says, from top to bottom."""
    AFTER.get((page, ""), _nothing)(world)
    for step in reading.steps(page):
        match step:
            case Written():
                world.write(step)
            case Shown(text=text):
                world.type(step)
                AFTER.get((page, text), _nothing)(world)
            case str(section):
                AFTER.get((page, section), _nothing)(world)


def _nothing(_: World) -> None:
    """Most commands stand alone."""


def test_commands_in_blocks(tmp_path: Path) -> None:
    with Stage(tmp_path, keep=False) as stage:
        world = World(stage)
        for page in ORDER:
            live_through(world, page)
    # Shown by `pytest -rP`, and where it fails.
    stage.title(f"{world.ran + len(world.stood_in)} documented commands in blocks, {world.ran} run")
    for shown in world.stood_in:
        stage.title(f"stood in for: {shown.page}: {shown.machine}$ {shown.text}")
    assert world.ran >= RUN
    assert Counter(stand_in_of(shown.text) for shown in world.stood_in) == STOOD_IN


def test_no_page_is_left_out() -> None:
    with_commands = [
        page for page in reading.PAGES if any(isinstance(s, Shown) for s in reading.steps(page))
    ]
    assert sorted(with_commands) == sorted(ORDER)


@pytest.mark.parametrize("page", reading.PAGES)
def test_no_command_hides_in_another_block(page: str) -> None:
    for body in reading.other_fences(page):
        drawn = re.compile("[◄►─]")
        lines = [line.lstrip("$ ") for line in body.splitlines() if not drawn.search(line)]
        assert not [line for line in lines if line.split(" ")[0] in reading.PROGRAMS], body


@pytest.mark.parametrize("page", reading.PAGES)
def test_no_command_stands_in_an_indented_block(page: str) -> None:
    programs = "|".join(reading.PROGRAMS)
    assert not re.findall(rf"(?m)^ {{4,}}\$? ?(?:{programs}) .*$", reading.prose(page))


def test_a_move_is_published_only_after_a_look_that_nobody_has_written_since() -> None:
    typed = [s.text for s in reading.steps("docs/moving-a-dataset.md") if isinstance(s, Shown)]
    held = [number for number, text in enumerate(typed) if text.startswith("offctl-agent hold --r")]
    copied = [re.search(r"@(\w+) \|", text) for text in typed]
    last = max(number for number, found in enumerate(copied) if found)
    name = copied[last]
    assert name
    published = next(n for n, text in enumerate(typed) if text.startswith("offctl publish"))
    # It has no end: nothing is started on the old dataset, however long the copy takes.
    assert held[0] == 0
    assert "--for" not in typed[0]
    looked = typed[last + 1 : published]
    assert "offctl-agent hold" in looked
    assert f"zfs get -Hp -o value written@{name[1]} zfs-hdd/opff/cache" in looked
    stopped = [text.split()[-1] for text in typed if text.startswith("pct shutdown")]
    assert [f"pct status {each}" for each in stopped] == [t for t in looked if "pct status" in t]
    # The hold ends after that.
    assert typed.index("offctl-agent hold --release") > published


def test_what_is_made_can_be_made() -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    shown = {t for p in reading.PAGES for t in re.findall(r"\bmake ([a-z-]+)", reading.code(p))}
    assert {"demo", "test", "integration"} <= shown <= targets


@pytest.mark.parametrize("page", reading.PAGES)
def test_commands_in_sentences_are_taken_by_their_programs(page: str) -> None:
    assert {text: why for text in reading.inline(page) if (why := parsing.refused(text))} == {}


def test_none_of_them_is_missed() -> None:
    assert sum(len(reading.inline(page)) for page in reading.PAGES) >= IN_SENTENCES
    assert {
        "offctl-coordinator database copy /var/lib/offctl-coordinator/coordinator.db",
        "offctl trust rotate trust.toml -o trust.signed --key release.pem "
        "--coordinator two=server.cert.pem",
        "offctl publish trust.signed",
    } <= set(reading.inline("docs/several-coordinators.md"))


@pytest.mark.parametrize("page", reading.PAGES)
def test_every_backtick_has_its_pair(page: str) -> None:
    assert reading.unpaired(reading.prose(page)) == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "man").iterdir()), ids=lambda p: p.name)
def test_commands_in_manual_pages_are_too(path: Path) -> None:
    assert {text: why for text in reading.manual(path) if (why := parsing.refused(text))} == {}


@pytest.mark.parametrize(
    "text",
    ["offctl nonsense", "offctl check --jsn", "offctl rollout stop", "offctl-agent plan a b"],
)
def test_a_wrong_command_would_be_noticed(text: str) -> None:
    assert parsing.refused(text)


def test_a_code_span_goes_on_over_the_end_of_a_line_and_no_further() -> None:
    text = "1. Do `offctl sign\n   site` and ``a ` b``:\n2. one ` alone\n\n`c\nd`, `e`\n| `f` |\n"
    assert reading.spans(text) == ["offctl sign site", "a ` b", "c d", "e", "f"]
    assert reading.unpaired(text) == ["2. one ` alone"]
