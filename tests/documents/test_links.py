"""Links between documents lead somewhere: to a file, and to a heading in it."""

from pathlib import Path
import re

import pytest

from documents import reading
from unitfiles import ROOT

PAGES = (*reading.PAGES, "ARCHITECTURE.md", "examples/openfoodfacts/identities/README.md")
DECISIONS = [f"docs/adr/{path.name}" for path in sorted((ROOT / "docs" / "adr").iterdir())]


def anchors(path: Path) -> set[str]:
    """As GitHub makes them from headings: lower case, no punctuation, dashes for spaces."""
    titles = re.findall(r"(?m)^#+ (.+)$", path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [*PAGES, *DECISIONS])
def test_links_lead_somewhere(page: str) -> None:
    text = reading.prose(page)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        path = ((ROOT / page).parent / name).resolve() if name else ROOT / page
        assert path.exists(), f"{page}: {target}"
        assert not anchor or anchor in anchors(path), f"{page}: {target}: {anchors(path)}"


def test_every_page_can_be_reached_from_the_first() -> None:
    reached, left = set[str](), ["README.md"]
    while left:
        page = left.pop()
        if page in reached or not page.endswith(".md"):
            continue
        reached.add(page)
        targets = re.findall(r"\]\((?!https?:)([^)#\s]+)", reading.prose(page))
        found = [((ROOT / page).parent / target).resolve() for target in targets]
        left += [str(path.relative_to(ROOT)) for path in found]
    assert set(reading.PAGES) <= reached


def test_every_page_is_in_the_package() -> None:
    lines = (ROOT / "debian" / "offctl.docs").read_text(encoding="utf-8").split()
    assert {"README.md", "docs/*.md", "docs/adr"} <= set(lines)
