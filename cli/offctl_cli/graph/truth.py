"""What is true now, on a diagram: every part gets a mark from what its host reports.

A part is right only where its host tells of the release that asks for it and has nothing to say
about the part. What nobody told of is not known.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from offctl import links
from offctl.desired.model import BindMount, Container, DesiredState
from offctl.planner import resources
from offctl.report import AGENT, Report
from offctl.status import BROKEN, RIGHT, UNHEARD, State
from offctl.tables import INSTANT
from offctl_cli.fleet import HostStatus
from offctl_cli.graph import data, identity, model
from offctl_cli.graph.model import Edge, End, Graph, Group, Mark, Node, Row, Tone, Way

NOT_KNOWN = Mark("not known", Tone.UNKNOWN)
NOT_PUBLISHED = Mark("not published", Tone.UNKNOWN)
WELL = Mark("", Tone.RIGHT)

# Hosts in these states say nothing that holds now.
_UNTOLD = UNHEARD | {State.AWAITED}
# States of resources, worst first.
_STATES = {
    "failed": Tone.BAD,
    "blocked": Tone.CARE,
    "unknown": Tone.UNKNOWN,
    "drift": Tone.CARE,
    "held": Tone.CARE,
    "pending": Tone.CARE,
    "skipped": Tone.CARE,
}
_LINKS = {"down": Tone.BAD, "broken": Tone.BAD, "unknown": Tone.UNKNOWN, "silent": Tone.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Told:
    """A host as the coordinator judges it, its newest report, and what that is about.

    `published` is what the release of the report asks of the host; None when that is not known.
    """

    status: HostStatus
    report: Report | None = None
    published: DesiredState | None = None

    @property
    def telling(self) -> bool:
        """Whether anything it says holds now."""
        return (
            self.report is not None
            and self.published is not None
            and _state(self.status) not in {*_UNTOLD, None}
            # A run that an error ended has looked at nothing to its end.
            and all(each.resource != AGENT for each in self.report.resources)
        )


def marked(graph: Graph, states: tuple[DesiredState, ...], told: Mapping[str, Told]) -> Graph:
    """The same with marks; `states` are those that were drawn."""
    parts: dict[End, Mark] = {}
    for state in states:
        here = told.get(state.host)
        known = _reported(here) if here is not None and here.telling else None
        parts.update({end: _mark(key, known) for key, end in _parts(state)})
    tunnels = _tunnels(told)
    return replace(
        graph,
        groups=tuple(_group(group, told) for group in graph.groups),
        nodes=tuple(_node(node, parts, tunnels) for node in graph.nodes),
        edges=tuple(_edge(edge, tunnels) for edge in graph.edges),
    )


def _parts(state: DesiredState) -> Iterator[tuple[str, End]]:
    """What reports speak of, by a key that survives renaming, and where it is drawn."""
    for container in state.containers:
        key = resources.container(container.id).key
        yield key, identity.end(identity.container(container.name))
    for dataset in state.datasets:
        owner = data.owner(dataset)
        yield (
            resources.dataset(dataset.name).key,
            identity.dataset(state.host, owner, dataset.logical),
        )


def _reported(told: Told) -> dict[str, Mark]:
    """The mark of every part that the release of the report asks for."""
    assert told.report is not None
    assert told.published is not None
    said: dict[str, list[str]] = {}
    for resource in told.report.resources:
        said.setdefault(resource.resource, []).append(resource.state)
    marks = {}
    for key, labels in _labels(told.published):
        words = [word for label in labels for word in said.get(label, ()) if word in _STATES]
        if words:
            worst = min(words, key=list(_STATES).index)
            marks[key] = Mark(worst, _STATES[worst])
        else:
            marks[key] = NOT_KNOWN if told.report.omitted else WELL
    return marks


def _labels(state: DesiredState) -> Iterator[tuple[str, set[str]]]:
    """How reports call what belongs to each part."""
    for container in state.containers:
        called = set(_of_container(container))
        called |= {
            resources.stunnel(container.id, end.instance, container.name).label
            for end in state.tunnels
            if end.container == container.id
        }
        yield resources.container(container.id).key, called
    for dataset in state.datasets:
        paths = [dataset.mountpoint]
        paths += [f"{dataset.mountpoint}/{each.path}" for each in dataset.directories]
        called = {resources.directory(path).label for path in paths}
        here = resources.dataset(dataset.name)
        yield here.key, called | {here.label}


def _of_container(container: Container) -> Iterator[str]:
    number, name = container.id, container.name
    yield resources.container(number, name).label
    yield from (resources.service(number, unit, name).label for unit in container.services)
    for mount in container.mounts:
        yield resources.mount(number, mount.target, name).label
        if isinstance(mount, BindMount) and mount.subdirectory:
            yield resources.directory(mount.source).label


def _mark(key: str, known: dict[str, Mark] | None) -> Mark:
    return NOT_KNOWN if known is None else known.get(key, NOT_PUBLISHED)


def _tunnels(told: Mapping[str, Told]) -> dict[str, Mark]:
    reports = {host: each.report if each.telling else None for host, each in told.items()}
    return {
        link.name: WELL if link.right else Mark(link.state, _LINKS.get(link.state, Tone.CARE))
        for link in links.links(reports)
    }


def _group(group: Group, told: Mapping[str, Told]) -> Group:
    if group.id != identity.host(group.title):
        return group
    here = told.get(group.title)
    if here is None:
        return replace(group, mark=NOT_KNOWN)
    status, state = here.status, _state(here.status)
    tone = Tone.BAD if state in BROKEN else Tone.RIGHT if state in RIGHT else Tone.CARE
    at = "never reported" if status.reported is None else status.reported.strftime(INSTANT)
    lines = (*group.lines, f"reported {at}" if status.reported else at, status.reason)
    return replace(group, mark=Mark(status.state, tone), lines=lines)


def _node(node: Node, parts: Mapping[End, Mark], tunnels: Mapping[str, Mark]) -> Node:
    rows = tuple(_row(End(node.id, row.id), row, parts, tunnels) for row in node.rows)
    return replace(node, rows=rows, mark=parts.get(End(node.id)))


def _row(end: End, row: Row, parts: Mapping[End, Mark], tunnels: Mapping[str, Mark]) -> Row:
    names = [name for kind, name in row.keys if kind == "tunnel"]
    if names:
        return replace(row, mark=model.worst(tunnels.get(name, NOT_KNOWN) for name in names))
    return replace(row, mark=parts.get(end))


def _edge(edge: Edge, tunnels: Mapping[str, Mark]) -> Edge:
    if edge.way is not Way.TUNNEL:
        return edge
    return replace(edge, mark=tunnels.get(edge.label, NOT_KNOWN))


def _state(status: HostStatus) -> State | None:
    try:
        return State(status.state)
    except ValueError:
        return None
