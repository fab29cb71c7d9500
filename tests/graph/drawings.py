"""Sites as diagrams, and what Graphviz makes of them, for the tests in here."""

from collections import Counter
from dataclasses import dataclass
import html
from pathlib import Path
import re
import shutil
from xml.etree import ElementTree as ET

from offctl_cli import graphviz
from offctl_cli.graph import dot, whole
from offctl_cli.graph.model import Graph
from offctl_cli.site import load

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "openfoodfacts"
PICTURE = ROOT / "docs" / "openfoodfacts.svg"
SVG = "{http://www.w3.org/2000/svg}"
# What Graphviz draws with; nothing that runs, loads or links.
SHAPES = {"svg", "g", "polygon", "polyline", "path", "text", "title", "ellipse"}


def drawn(site: Path = EXAMPLE) -> Graph:
    """All of a site."""
    read = load.read_site(site)
    compiled = load.compiled(read)
    assert not compiled.has_errors, [str(each) for each in compiled.findings]
    return whole.graph(read, compiled.states)


@dataclass(frozen=True)
class Drawing:
    """What is in an SVG: words, number of nodes and lines, and the elements it is made of."""

    words: Counter[str]
    nodes: int
    edges: int
    elements: set[str]

    @classmethod
    def read(cls, content: bytes) -> "Drawing":
        tree = ET.fromstring(content)
        groups = Counter(each.get("class") for each in tree.iter(f"{SVG}g"))
        return cls(
            words=Counter(_plain(each.text or "") for each in tree.iter(f"{SVG}text")),
            nodes=groups["node"],
            edges=groups["edge"],
            elements={str(each.tag).removeprefix(SVG) for each in tree.iter()},
        )


def picture(graph: Graph) -> Drawing:
    """A diagram, drawn by Graphviz."""
    assert shutil.which("dot"), "dot is missing: apt-get install graphviz"
    return Drawing.read(graphviz.svg(dot.render(graph)))


def words(text: str) -> Counter[str]:
    """What the labels of a text for Graphviz say."""
    labels = [each[1] for each in re.finditer(r"label=<(.*?)>(?:\]|, [a-z]+=)", text)]
    pieces = [piece for label in labels for piece in re.split(r"<[^>]*>", label) if piece]
    return Counter(_plain(html.unescape(piece)) for piece in pieces)


def _plain(text: str) -> str:
    return text.replace("\xa0", " ")
