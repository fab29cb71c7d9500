"""A diagram in the language of Mermaid, as GitHub and GitLab draw it in a page.

Rows are lines of a node here, and an edge at a row has the row's text as its label.
"""

from collections.abc import Iterator

from offctl.text import visible
from offctl_cli.graph import wording
from offctl_cli.graph.model import Edge, End, Graph, Group, Kind, Node, Place, Tone, Way

_SHAPES = {
    Kind.PROXY: ("[", "]"),
    Kind.APPLICATION: ("(", ")"),
    Kind.DATABASE: ("[(", ")]"),
    Kind.SERVICE: ("(", ")"),
    Kind.DATA: ("[", "]"),
    Kind.COPY: ("[", "]"),
    Kind.OUTSIDE: ("[", "]"),
    Kind.JUNCTION: ("([", "])"),
}
_STYLES = {
    Kind.PROXY: "fill:#fff1c2,stroke:#9a6700,color:#24292f",
    Kind.APPLICATION: "fill:#d8ebff,stroke:#0550ae,color:#24292f",
    Kind.DATABASE: "fill:#d9f2df,stroke:#116329,color:#24292f",
    Kind.SERVICE: "fill:#eae4f8,stroke:#6639ba,color:#24292f",
    Kind.DATA: "fill:#f3f4f6,stroke:#424a53,color:#24292f",
    Kind.COPY: "fill:#ffffff,stroke:#6e7781,color:#24292f,stroke-dasharray:4",
    Kind.OUTSIDE: "fill:#ffffff,stroke:#6e7781,color:#24292f,stroke-dasharray:4",
    Kind.JUNCTION: "fill:#ffffff,stroke:#116329,color:#24292f",
}
_TONES = {
    Tone.RIGHT: "fill:#dafbe1,stroke:#1a7f37,color:#24292f",
    Tone.CARE: "fill:#fff8c5,stroke:#9a6700,color:#24292f",
    Tone.BAD: "fill:#ffd8d3,stroke:#cf222e,color:#24292f",
    Tone.UNKNOWN: "fill:#eaeef2,stroke:#57606a,color:#24292f",
}
_PLACES = {Place.CLUSTER: "data centre", Place.HOST: "host", Place.OUTSIDE: "elsewhere"}
_ARROWS = {Way.TUNNEL: "==>", Way.SHARED: "-.->", Way.COPY: "-.->"}
# Nothing of the language, nor of Markdown.
_PLAIN = frozenset(" -.,:/()…")


def render(graph: Graph) -> str:
    """The text of a flowchart; equal diagrams give equal text."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    names = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    boxes = {group.id: f"g{number}" for number, group in enumerate(graph.groups)}
    for told in (f"site {graph.title}", *graph.notes):
        yield f"%% {_text(told)}"
    yield "flowchart LR"
    for group in graph.children(""):
        yield from _group(graph, group, names, boxes, "  ")
    yield from (f"  {_node(node, names[node.id])}" for node in graph.inside(""))
    yield from (f"  {_edge(graph, edge, names)}" for edge in graph.edges)
    for kind in Kind:
        yield from _styled(kind.value, _STYLES[kind], _usual(graph, kind, names))
    for tone in Tone:
        found = [names[n.id] for n in graph.nodes if n.mark is not None and n.mark.tone is tone]
        found += [boxes[g.id] for g in graph.groups if g.mark is not None and g.mark.tone is tone]
        yield from _styled(f"is-{tone.value}", _TONES[tone], found)


def _usual(graph: Graph, kind: Kind, names: dict[str, str]) -> list[str]:
    return [names[each.id] for each in graph.nodes if each.kind is kind and each.mark is None]


def _styled(name: str, style: str, members: list[str]) -> Iterator[str]:
    if members:
        yield f"  classDef {name} {style}"
        yield f"  class {','.join(members)} {name}"


def _group(
    graph: Graph, group: Group, names: dict[str, str], boxes: dict[str, str], indent: str
) -> Iterator[str]:
    title = _text(wording.marked(f"{_PLACES[group.place]} {group.title}", group.mark))
    yield f'{indent}subgraph {boxes[group.id]}["{title}"]'
    for child in graph.children(group.id):
        yield from _group(graph, child, names, boxes, indent + "  ")
    for node in graph.inside(group.id):
        yield f"{indent}  {_node(node, names[node.id])}"
    yield f"{indent}end"


def _node(node: Node, name: str) -> str:
    before, after = _SHAPES[node.kind]
    told = [wording.marked(node.title, node.mark), *node.lines]
    for row in node.rows:
        aside = ", ".join(text for text in (row.aside, wording.users(row, node.kind)) if text)
        told.append(wording.marked(row.text, row.mark) + (f": {aside}" if aside else ""))
    lines = (_text(line) for text in told for line in wording.folded(text))
    return f'{name}{before}"{"<br/>".join(lines)}"{after}'


def _edge(graph: Graph, edge: Edge, names: dict[str, str]) -> str:
    arrow = _ARROWS.get(edge.way, "-->")
    told = edge.label or _row(graph, edge.source) or _row(graph, edge.target)
    label = _text(" ".join(wording.folded(wording.marked(told, edge.mark))).strip())
    middle = f'{arrow}|"{label}"|' if label else arrow
    return f"{names[edge.source.node]} {middle} {names[edge.target.node]}"


def _row(graph: Graph, end: End) -> str:
    rows = (row for node in graph.nodes if node.id == end.node for row in node.rows)
    return next((row.text for row in rows if row.id == end.row), "")


def _text(text: str) -> str:
    """For a quoted label: whatever is no letter, digit or plain sign as its number."""
    return "".join(
        each if each.isalnum() or each in _PLAIN else f"#{ord(each)};" for each in visible(text)
    )
