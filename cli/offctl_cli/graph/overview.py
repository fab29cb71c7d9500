"""A diagram of much made legible: what is alike becomes one row, and rows say what lines would.

Lines to data are drawn from its own application only; who else is shown it is written beside it.
"""

from collections.abc import Iterator
from dataclasses import replace

from offctl_cli.graph import data, identity, junctions
from offctl_cli.graph.model import Edge, End, Graph, Kind, Mark, Node, Row, Way, worst


def overview(graph: Graph) -> Graph:
    """The same, briefer."""
    nodes: list[Node] = []
    moved: dict[str, End] = {}
    for group in ("", *(group.id for group in graph.groups)):
        _fold(list(graph.inside(group)), group, nodes, moved)
    kept = (edge for edge in graph.edges if edge.way is not Way.SHARED)
    edges = dict.fromkeys(_moved(edge, moved) for edge in kept)
    return junctions.joined(replace(graph, nodes=tuple(nodes), edges=tuple(edges)))


def _fold(here: list[Node], group: str, nodes: list[Node], moved: dict[str, End]) -> None:
    """The nodes of one box; `moved` learns where the ends of edges went."""
    copies = [node for node in here if node.kind is Kind.COPY]
    others = [node for node in here if node.kind is Kind.DATA and not _shown(node)]
    for node in here:
        if node.kind is Kind.DATA and node not in others:
            nodes.append(_brief(node))
            moved[node.id] = identity.end(node.id)
        elif node not in copies and node not in others:
            nodes.append(node)
    for title, folded in (("other datasets", others), ("copies of data", copies)):
        if folded:
            name = f"{title} {group}"
            rows = tuple(_as_row(node) for node in folded)
            lines = tuple(dict.fromkeys(line for node in folded for line in node.lines))
            nodes.append(Node(name, folded[0].kind, title, group, lines, rows))
            moved.update({node.id: End(name, node.id) for node in folded})


def _shown(node: Node) -> bool:
    return any(row.users for row in node.rows)


def _as_row(node: Node) -> Row:
    parts = [row.text for row in node.rows if row.text != data.TOP]
    keys = frozenset(key for row in node.rows for key in row.keys)
    if len(node.rows) == 1 and parts:
        return Row(node.id, f"{node.owner}/{parts[0]}", keys=keys, mark=node.rows[0].mark)
    mark = worst(row.mark for row in node.rows)
    return Row(node.id, node.owner, ", ".join(parts), keys=keys, mark=mark)


def _moved(edge: Edge, moved: dict[str, End]) -> Edge:
    source = moved.get(edge.source.node, edge.source)
    target = moved.get(edge.target.node, edge.target)
    label = "" if edge.way in (Way.OWN, Way.COPY) else edge.label
    return replace(edge, source=source, target=target, label=label)


def _brief(node: Node) -> Node:
    """Datasets of one pool that the same containers are shown and that are alike, as one row."""
    alike: dict[tuple[str, tuple[str, ...], Mark | None], list[Row]] = {}
    for row in node.rows:
        pool = row.aside.partition("/")[0]
        alike.setdefault((pool, row.users, row.mark), []).append(row)
    return replace(node, rows=tuple(_merged(alike)))


def _merged(alike: dict[tuple[str, tuple[str, ...], Mark | None], list[Row]]) -> Iterator[Row]:
    for (pool, users, mark), rows in alike.items():
        yield Row(
            id=rows[0].id,
            text=", ".join(row.text for row in rows),
            aside=f"on {pool}",
            users=users,
            keys=frozenset(key for row in rows for key in row.keys),
            mark=mark,
        )
