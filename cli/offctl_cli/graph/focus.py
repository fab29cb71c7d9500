"""A part of a diagram: what was asked for, and what is directly connected with it.

A name that a proxy passes on, and an end of a tunnel, lead further: what comes in there is shown
with what it goes out to.
"""

from dataclasses import dataclass, replace

from offctl import errors
from offctl_cli.graph import identity
from offctl_cli.graph.model import Edge, End, Graph, Kind, Node
from offctl_cli.site.reader import nearest


@dataclass(frozen=True, slots=True)
class Focus:
    """What to draw; everything when nothing is named."""

    applications: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    tunnels: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


def focused(graph: Graph, focus: Focus) -> Graph:
    """Only what the focus is about; raises AuthorError for a name that nothing has."""
    nodes: set[str] = set()
    for name in focus.hosts:
        nodes |= _on_host(graph, name)
    for name in focus.applications:
        nodes |= _running(graph, name)
    ends: set[End] = set()
    for name in focus.tunnels:
        ends |= _tunnel(graph, name)
    for name in focus.datasets:
        ends |= _dataset(graph, name)
    return _cut(graph, nodes, ends) if focus != Focus() else graph


def words(focus: Focus) -> tuple[str, ...]:
    """What a part of a site is a part of; nothing for all of it."""
    named = (
        *(f"application {name}" for name in focus.applications),
        *(f"dataset {name}" for name in focus.datasets),
        *(f"tunnel {name}" for name in focus.tunnels),
        *(f"host {name}" for name in focus.hosts),
    )
    return (f"only what is about {', '.join(named)}",) if named else ()


def _on_host(graph: Graph, name: str) -> set[str]:
    hosts = {group.title for group in graph.groups if group.id == identity.host(group.title)}
    _known("host", name, hosts)
    return {node.id for node in graph.nodes if node.group == identity.host(name)}


def _running(graph: Graph, name: str) -> set[str]:
    inside = [node for node in graph.nodes if node.kind not in (Kind.DATA, Kind.COPY)]
    _known("application", name, {node.owner for node in inside} - {""})
    return {node.id for node in inside if node.owner == name}


def _tunnel(graph: Graph, name: str) -> set[End]:
    ends = _ends(graph, "tunnel")
    _known("tunnel", name, set(ends))
    return ends[name]


def _dataset(graph: Graph, name: str) -> set[End]:
    """By its name in the site or on a host, or by as much of the end of one as is unique."""
    ends, placed = _ends(graph, "dataset"), _ends(graph, "zfs")
    close = {known: found for known, found in ends.items() if known.endswith(f"/{name}")}
    if name in ends or name in placed:
        return ends.get(name, set()) | placed.get(name, set())
    if len(close) > 1:
        raise errors.AuthorError(
            f"cannot draw dataset {name!r}: {len(close)} datasets are called so",
            hint=f"write one of {', '.join(sorted(close))}",
        )
    _known("dataset", name, {*ends, *((name,) if close else ())})
    return next(iter(close.values()))


def _ends(graph: Graph, kind: str) -> dict[str, set[End]]:
    found: dict[str, set[End]] = {}
    for node in graph.nodes:
        for row in node.rows:
            for name in (name for what, name in row.keys if what == kind):
                found.setdefault(name, set()).add(End(node.id, row.id))
    return found


def _known(what: str, name: str, known: set[str]) -> None:
    if name in known:
        return
    near = nearest(name, sorted(known))
    raise errors.AuthorError(
        f"cannot draw {what} {name!r}: the site has no such {what}",
        hint=f"did you mean {near!r}?" if near else f"it has {', '.join(sorted(known)) or 'none'}",
    )


def _cut(graph: Graph, nodes: set[str], ends: set[End]) -> Graph:
    kept = _kept(graph, nodes, ends)
    touched = ends | {end for edge in kept for end in (edge.source, edge.target)}
    entered = {end.node for end in touched if end.row.startswith(identity.ROUTE)}
    kept |= {
        edge
        for edge in graph.edges
        if edge.source.node == identity.PUBLIC and edge.target.node in entered
    }
    touched |= {edge.source for edge in kept}
    held = nodes | {end.node for end in touched}
    left = tuple(
        node if node.id in nodes else _with_rows(node, touched)
        for node in graph.nodes
        if node.id in held
    )
    edges = tuple(edge for edge in graph.edges if edge in kept)
    return replace(graph, groups=graph.within(left), nodes=left, edges=edges)


def _kept(graph: Graph, nodes: set[str], ends: set[End]) -> set[Edge]:
    """The edges at some nodes and ends, and those that go on from there."""
    passing = {End(n.id, row.id) for n in graph.nodes for row in n.rows if row.passing}
    reached, kept = set(ends), set[Edge]()
    while True:
        more = {
            edge
            for edge in graph.edges
            if not reached.isdisjoint((edge.source, edge.target))
            or not nodes.isdisjoint((edge.source.node, edge.target.node))
        }
        if more == kept:
            return kept
        kept = more
        reached |= {end for edge in kept for end in (edge.source, edge.target) if end in passing}


def _with_rows(node: Node, touched: set[End]) -> Node:
    rows = tuple(row for row in node.rows if End(node.id, row.id) in touched)
    return replace(node, rows=rows)
