"""Every command of the documentation, lived through from an empty desk to the last page.

Blocks are typed in the order in which a newcomer reads. What stands in the middle of a sentence, in
a table or in a manual page is given to the program's own parser.
"""

from collections.abc import Callable
from pathlib import Path
import re

import pytest

from demo import story
from demo.stage import Stage
from documents import parsing, reading
from documents.reading import Shown, Written
from documents.world import EXAMPLES, STAND_INS, World
from unitfiles import ROOT

# As a newcomer reads. Each page goes on with what the ones before it left.
ORDER = ("docs/getting-started.md", "docs/watching.md")
# How many there are at least: a page that loses its commands is noticed.
RUN = 20


def _release_key(world: World, said: str) -> None:
    world.words["RELEASE_KEY"] = re.findall(r"ed25519:\S+", said)[0]


def _timestamp_key(world: World, said: str) -> None:
    world.words["TIMESTAMP_KEY"] = re.findall(r'ed25519:[^"]+', said)[0]


def _no_waves(world: World, _: str) -> None:
    # Nobody watches a canary for a quarter of an hour here.
    story.all_at_once(world.stage)


def _others_do_their_part(world: World, _: str) -> None:
    """Keys agreed on with ends that are not managed, and what the site's own replication brings."""
    for host in story.HOSTS:
        story.put_keys_of_far_ends(world.stage, host)
    story.replicate(world.stage)


# What happens beside a command that no document can show: what a person reads off the screen, and
# what other programs do meanwhile.
BESIDE: dict[str, Callable[[World, str], None]] = {
    "offctl key new release.pem": _release_key,
    "offctl-coordinator init /etc/offctl --name main": _timestamp_key,
    f"cp -r {EXAMPLES}/openfoodfacts site": _no_waves,
    "offctl publish one.release": _others_do_their_part,
}


def test_commands_in_blocks(tmp_path: Path) -> None:
    with Stage(tmp_path, keep=False) as stage:
        world = World(stage)
        for page in ORDER:
            for step in reading.steps(page):
                if isinstance(step, Written):
                    world.write(step)
                    continue
                said = world.type(step)
                BESIDE.get(step.text, lambda *_: None)(world, said)
    assert world.ran >= RUN
    stood_in = {shown.text.split()[0] for shown in world.stood_in}
    assert stood_in <= set(STAND_INS)
    # Shown by `pytest -rP`, and where it fails.
    stage.title(f"{world.ran} documented commands run, {len(world.stood_in)} stood in for:")
    for shown in world.stood_in:
        stage.title(f"{shown.page}: {shown.machine}$ {shown.text}")


def test_no_page_is_left_out() -> None:
    with_commands = [
        page for page in reading.PAGES if any(isinstance(s, Shown) for s in reading.steps(page))
    ]
    assert sorted(with_commands) == sorted(ORDER)


@pytest.mark.parametrize("page", reading.PAGES)
def test_no_command_hides_in_another_block(page: str) -> None:
    for body in reading.other_fences(page):
        lines = [line.lstrip("$ ") for line in body.splitlines()]
        assert not [line for line in lines if line.split(" ")[0] in reading.PROGRAMS], body


@pytest.mark.parametrize("page", reading.PAGES)
def test_commands_in_sentences_are_taken_by_their_programs(page: str) -> None:
    assert {text: why for text in reading.inline(page) if (why := parsing.refused(text))} == {}


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "man").iterdir()), ids=lambda p: p.name)
def test_commands_in_manual_pages_are_too(path: Path) -> None:
    assert {text: why for text in reading.manual(path) if (why := parsing.refused(text))} == {}


@pytest.mark.parametrize(
    "text",
    ["offctl nonsense", "offctl check --jsn", "offctl rollout stop", "offctl-agent plan a b"],
)
def test_a_wrong_command_would_be_noticed(text: str) -> None:
    assert parsing.refused(text)
