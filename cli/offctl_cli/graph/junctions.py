"""Many that use the same many: their lines come together in one point between them."""

from dataclasses import replace

from offctl_cli.graph.model import Edge, End, Graph, Kind, Node, Way

FEW = 2


def joined(graph: Graph) -> Graph:
    """The same, with a point where two or more containers use the same two or more others."""
    uses: dict[str, set[str]] = {}
    for edge in graph.edges:
        if edge.way is Way.USES:
            uses.setdefault(edge.source.node, set()).add(edge.target.node)
    groups = {node.id: node.group for node in graph.nodes}
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for source, used in uses.items():
        alike.setdefault((groups[source], tuple(sorted(used))), []).append(source)
    nodes, edges = list(graph.nodes), list(graph.edges)
    for number, ((group, targets), sources) in enumerate(alike.items()):
        if len(targets) < FEW or len(sources) < FEW:
            continue
        point = f"junction {number}"
        kinds = {node.kind for node in graph.nodes if node.id in targets}
        title = "databases" if kinds == {Kind.DATABASE} else "in common"
        nodes.append(Node(point, Kind.JUNCTION, title, group))
        edges = [e for e in edges if not (e.way is Way.USES and e.source.node in sources)]
        edges += [Edge(End(source), End(point), Way.USES) for source in sources]
        edges += [Edge(End(point), End(target), Way.USES) for target in targets]
    return replace(graph, nodes=tuple(nodes), edges=tuple(edges))
