"""A diagram in the language of Graphviz.

Every text of a site goes through `_text`, which leaves nothing in it that Graphviz would read as
its own language. Parts are called by numbers.
"""

from collections.abc import Iterator

from offctl.text import visible
from offctl_cli.graph import wording
from offctl_cli.graph.model import Edge, End, Graph, Group, Kind, Mark, Node, Place, Row, Tone, Way

_FONT = "Helvetica,Arial,sans-serif"
_SMALL, _FAINT = 9, "#57606a"
_LEGEND = 6

_KINDS = {
    Kind.PROXY: ("#fff1c2", "#9a6700"),
    Kind.APPLICATION: ("#d8ebff", "#0550ae"),
    Kind.DATABASE: ("#d9f2df", "#116329"),
    Kind.SERVICE: ("#eae4f8", "#6639ba"),
    Kind.DATA: ("#f3f4f6", "#424a53"),
    Kind.COPY: ("#ffffff", "#6e7781"),
    Kind.OUTSIDE: ("#ffffff", "#6e7781"),
    Kind.JUNCTION: ("#ffffff", "#116329"),
}
_NAMES = {
    Kind.PROXY: "proxy",
    Kind.APPLICATION: "application",
    Kind.DATABASE: "database",
    Kind.SERVICE: "other container",
    Kind.DATA: "datasets",
    Kind.COPY: "received copies",
    Kind.OUTSIDE: "not managed here",
    Kind.JUNCTION: "",
}
_TONES = {
    Tone.RIGHT: ("#dafbe1", "#1a7f37"),
    Tone.CARE: ("#fff8c5", "#9a6700"),
    Tone.BAD: ("#ffd8d3", "#cf222e"),
    Tone.UNKNOWN: ("#eaeef2", "#57606a"),
}
_PLACES = {
    Place.CLUSTER: ("data centre", "rounded", "#0969da"),
    Place.HOST: ("host", "rounded,bold", "#24292f"),
    Place.OUTSIDE: ("elsewhere", "rounded,dashed", "#6e7781"),
}
_WAYS = {
    Way.REQUEST: ("#0969da", "solid", 1.3),
    Way.USES: ("#1b7c83", "solid", 1.2),
    Way.TUNNEL: ("#8250df", "bold", 2.4),
    Way.OWN: ("#424a53", "solid", 1.8),
    Way.SHARED: ("#8c959f", "solid", 1.0),
    Way.COPY: ("#6e7781", "dashed", 1.2),
}


def render(graph: Graph) -> str:
    """The text for `dot`; equal diagrams give equal text."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    rows = {(node.id, row.id): f"r{i}" for node in graph.nodes for i, row in enumerate(node.rows)}
    names = {node.id: f"n{i}" for i, node in enumerate(graph.nodes)}
    yield "digraph site {"
    yield f"  graph [rankdir=LR, fontname={_quoted(_FONT)}, fontsize=13, nodesep=0.18,"
    yield "    ranksep=0.9, newrank=true, compound=true, labelloc=t, labeljust=l,"
    yield f"    label=<{_heading(graph)}>];"
    yield f"  node [shape=plain, fontname={_quoted(_FONT)}, fontsize=11];"
    yield f"  edge [fontname={_quoted(_FONT)}, fontsize={_SMALL}, arrowsize=0.7];"
    for group in graph.children(""):
        yield from _group(graph, group, names, rows, "  ")
    yield from (f"  {_node(node, names, rows)}" for node in graph.inside(""))
    yield from (f"  {_edge(edge, names, rows)}" for edge in graph.edges)
    yield "}"


def _heading(graph: Graph) -> str:
    """The title, and what the colours and lines in the picture mean."""
    told = [f"<B>site {_text(graph.title)}</B>", *(_small(note) for note in graph.notes)]
    title = f'<TD ALIGN="LEFT" BALIGN="LEFT" COLSPAN="{_LEGEND}">{"<BR/>".join(told)}</TD>'
    cells = list(_legend(graph))
    rows = (cells[at : at + _LEGEND] for at in range(0, len(cells), _LEGEND))
    lines = "".join(f"<TR>{''.join(row)}</TR>" for row in ([title], *rows))
    return f'<TABLE BORDER="0" CELLSPACING="6" CELLPADDING="4">{lines}</TABLE>'


def _group(
    graph: Graph,
    group: Group,
    names: dict[str, str],
    rows: dict[tuple[str, str], str],
    indent: str,
) -> Iterator[str]:
    word, style, colour = _PLACES[group.place]
    _, colour = _toned(group.mark, ("", colour))
    told = [f"<B>{word} {_text(wording.marked(group.title, group.mark))}</B>"]
    told += [_small(line) for text in group.lines if text for line in wording.folded(text)]
    label = '<BR ALIGN="LEFT"/>'.join(told) + '<BR ALIGN="LEFT"/>'
    yield f"{indent}subgraph cluster{graph.groups.index(group)} {{"
    shape = f"style={_quoted(style)}, color={_quoted(colour)}, fontcolor={_quoted(colour)}"
    yield f"{indent}  graph [label=<{label}>, {shape}, margin=12];"
    for child in graph.children(group.id):
        yield from _group(graph, child, names, rows, indent + "  ")
    for node in graph.inside(group.id):
        yield f"{indent}  {_node(node, names, rows)}"
    yield f"{indent}}}"


def _node(node: Node, names: dict[str, str], rows: dict[tuple[str, str], str]) -> str:
    fill, colour = _toned(node.mark, _KINDS[node.kind])
    style = ' STYLE="ROUNDED"' if node.kind is not Kind.DATA else ""
    if node.kind in (Kind.COPY, Kind.OUTSIDE):
        style = ' STYLE="DASHED"'
    head = [f"<B>{_text(wording.marked(node.title, node.mark))}</B>"]
    head += [_small(line) for text in node.lines for line in wording.folded(text)]
    cells = [f'<TR><TD PORT="head" ALIGN="LEFT" BALIGN="LEFT">{"<BR/>".join(head)}</TD></TR>']
    cells += [f"<HR/>{_row(node, row, rows[node.id, row.id])}" for row in node.rows]
    table = (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="4" '
        f'BGCOLOR="{fill}" COLOR="{colour}"{style}>{"".join(cells)}</TABLE>'
    )
    return f"{names[node.id]} [label=<{table}>];"


def _row(node: Node, row: Row, port: str) -> str:
    fill, _ = _toned(row.mark, ("", ""))
    told = [_text(line) for line in wording.folded(wording.marked(row.text, row.mark))]
    aside = ", ".join(text for text in (row.aside, wording.users(row, node.kind)) if text)
    told += [_small(line) for line in wording.folded(aside) if aside]
    background = f' BGCOLOR="{fill}"' if fill else ""
    cell = f'PORT="{port}" ALIGN="LEFT" BALIGN="LEFT"{background}'
    return f"<TR><TD {cell}>{'<BR/>'.join(told)}</TD></TR>"


def _edge(edge: Edge, names: dict[str, str], rows: dict[tuple[str, str], str]) -> str:
    colour, style, width = _WAYS[edge.way]
    if edge.mark is not None:
        colour = _TONES[edge.mark.tone][1]
    attributes = [f"color={_quoted(colour)}", f"style={_quoted(style)}", f"penwidth={width}"]
    word = wording.marked("" if edge.way is Way.TUNNEL else edge.label, edge.mark).strip()
    if word:
        label = "<BR/>".join(_text(line) for line in wording.folded(word))
        attributes += [f"label=<{label}>", f"fontcolor={_quoted(colour)}"]
    source, target = edge.source, edge.target
    # Lines run from left to right, and must not cross what is written in a node.
    straight = edge.way is not Way.TUNNEL and source.node != target.node
    sides = ("e", "w") if straight else ("", "")
    ends = (_end(*each, names, rows) for each in zip((source, target), sides, strict=True))
    return f"{' -> '.join(ends)} [{', '.join(attributes)}];"


def _end(end: End, side: str, names: dict[str, str], rows: dict[tuple[str, str], str]) -> str:
    name = names[end.node]
    port = rows[end.node, end.row] if end.row else "head"
    return f"{name}:{port}:{side}" if side else f"{name}:{port}"


def _legend(graph: Graph) -> Iterator[str]:
    for name, (fill, colour) in _fills(graph):
        yield f'<TD BGCOLOR="{fill}" COLOR="{colour}" BORDER="1">{_small(name)}</TD>'
    for way, meaning in wording.ways(edge.way for edge in graph.edges):
        colour, style, width = _WAYS[way]
        line = "- - -&gt;" if style == "dashed" else "━━━&gt;" if width > 2 else "───&gt;"
        sample = f'<FONT COLOR="{colour}">{line}</FONT>'
        yield f"<TD>{sample}<BR/>{_small(meaning)}</TD>"


def _fills(graph: Graph) -> Iterator[tuple[str, tuple[str, str]]]:
    marks = [*(node.mark for node in graph.nodes), *(group.mark for group in graph.groups)]
    tones = {mark.tone for mark in marks if mark is not None}
    yield from ((wording.TONES[tone], _TONES[tone]) for tone in Tone if tone in tones)
    if tones:
        return
    for kind in Kind:
        if _NAMES[kind] and any(node.kind is kind for node in graph.nodes):
            yield _NAMES[kind], _KINDS[kind]


def _toned(mark: Mark | None, usual: tuple[str, str]) -> tuple[str, str]:
    return usual if mark is None else _TONES[mark.tone]


def _small(text: str) -> str:
    return f'<FONT POINT-SIZE="{_SMALL}" COLOR="{_FAINT}">{_text(text)}</FONT>'


def _text(text: str) -> str:
    """For an HTML-like label."""
    plain = frozenset(" -_.,:/()*+@=…")
    safe = "".join(
        each if each.isalnum() or each in plain else f"&#{ord(each)};" for each in visible(text)
    )
    # Graphviz reads \N, \G and others as its own even here, but not over a change of font.
    safe = safe.replace("&#92;", f'<FONT FACE="{_FONT}">&#92;</FONT>')
    return safe if safe.strip() else "&#160;"  # an empty one is a mistake there


def _quoted(text: str) -> str:
    """One of our own words, as a string; nothing that a site says."""
    return f'"{text}"'
