"""The whole site as one diagram, with nothing left out."""

from offctl.desired.model import DesiredState
from offctl_cli.graph import data, links, places, requests, tunnels
from offctl_cli.graph.model import Graph
from offctl_cli.site.model import Site


def graph(site: Site, states: tuple[DesiredState, ...]) -> Graph:
    """Everything that is asked for; the site must have no errors."""
    return Graph(
        title=site.site.name,
        groups=tuple(places.groups(site, states)),
        nodes=(
            *requests.nodes(site, states),
            *tunnels.nodes(site),
            *links.nodes(site),
            *data.nodes(states),
        ),
        edges=tuple(dict.fromkeys((*links.edges(site), *data.edges(site, states)))),
    )
