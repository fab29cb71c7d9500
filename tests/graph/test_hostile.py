"""Whatever a name or a text holds stays a text: in Graphviz, in Mermaid, in the SVG."""

from dataclasses import replace
import re

import pytest

from graph.drawings import SHAPES, picture, words
from offctl.text import visible
from offctl_cli.graph import dot, mermaid
from offctl_cli.graph.model import (
    Edge,
    End,
    Graph,
    Group,
    Kind,
    Mark,
    Node,
    Place,
    Row,
    Tone,
    Way,
)

HOSTILE = [
    'a"b',
    'x"]; n9 [label="y',
    "back\\slash \\N \\G \\L \\n \\\\N \\",
    "<script>alert(1)</script>",
    "</TD></TR></TABLE>> ; n9 -> n1",
    "&lt;b&gt; & &amp; &#60;i&#62;",
    "<!-- -->]]><![CDATA[",
    "end",
    "subgraph g9 [x]",
    "click n0 href javascript:alert(1)",
    "%% comment %%{init: {}}%%",
    "`**markdown**` _a_ *b* 1. c",
    "a|b{c}d[e]f(g)h;i",
    "line\nbreak\r\x00\x1b[31mred",
    "\u202eleft \u2028 to right\u2066",
    "é ü 漢字 ✓ 🦊",
    "   ",
    "'\"`#35;#quot;",
    "x" * 3000,
    "--> ==> -.->|x| y",
]


def hostile(text: str) -> Graph:
    """A diagram that says `text` wherever one can be said, and calls everything by it."""
    mark = Mark(text, Tone.BAD)
    row = Row("row " + text, text, text, (text, text), mark=mark)
    box = Group("box " + text, Place.CLUSTER, text, lines=(text,), mark=mark)
    host = Group("host " + text, Place.HOST, text, parent=box.id, lines=(text,))
    nodes = tuple(
        Node(f"{kind} {text}", kind, text, host.id, (text,), (row,), text, mark) for kind in Kind
    )
    ends = (End(nodes[0].id, row.id), End(nodes[1].id))
    edges = tuple(Edge(ends[0], ends[1], way, text, mark) for way in Way)
    return Graph(text, (box, host), nodes, edges, (text,))


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_nothing_in_a_text_is_read_as_graphviz_or_svg(text: str) -> None:
    graph = hostile(text)
    made = picture(graph)
    assert (made.nodes, made.edges) == (len(graph.nodes), len(graph.edges))
    assert made.elements <= SHAPES
    assert made.words == words(dot.render(graph))
    if text.strip() and len(text) < 40:
        piece = max(visible(text).split("\\"), key=len)
        assert any(piece in word for word in made.words), made.words


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_nothing_in_a_text_is_read_as_mermaid(text: str) -> None:
    quiet = shape(mermaid.render(hostile("plain")))
    assert shape(mermaid.render(hostile(text))) == quiet


def shape(text: str) -> list[str]:
    """The lines with what is quoted taken out; in quotes there is nothing of the language."""
    lines = text.splitlines()
    for line in lines:
        for quoted in re.findall(r'"([^"]*)"', line):
            plain = re.sub(r"#[0-9]+;|<br/>", "", quoted)
            assert all(c.isalnum() or c in " -.,:/()…" for c in plain), quoted
    # How many rows a text is folded to is its own business; a comment is no part of the drawing.
    return [re.sub(r'"[^"]*"', '""', line) for line in lines if not line.startswith("%%")]


def test_a_comment_of_mermaid_is_one_line_and_no_directive() -> None:
    for text in HOSTILE:
        first = mermaid.render(replace(hostile(text), notes=())).splitlines()[0]
        assert first.startswith("%% site ")
        assert "{" not in first


def test_a_text_that_is_too_long_is_cut_and_says_so() -> None:
    (lines,) = [
        line for line in mermaid.render(hostile("word " * 500)).splitlines() if "n0[" in line
    ]
    assert "…" in lines
    assert len(lines) < 2500
