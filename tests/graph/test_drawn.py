"""What is in the diagram of the example, and that nothing in it is invented or lost."""

from collections.abc import Callable

import pytest

from graph.drawings import EXAMPLE, drawn
from offctl import errors
from offctl.desired.model import BindMount
from offctl_cli.graph import focus, identity, overview
from offctl_cli.graph.focus import Focus
from offctl_cli.graph.model import Edge, End, Graph, Kind, Place, Way
from offctl_cli.site import load


@pytest.fixture(scope="module")
def graph() -> Graph:
    return drawn()


def ways(graph: Graph, way: Way) -> set[tuple[str, str]]:
    return {(e.source.node, e.target.node) for e in graph.edges if e.way is way}


def titles(graph: Graph) -> set[str]:
    return {node.title for node in graph.nodes}


def test_every_host_container_dataset_tunnel_and_route_is_there(graph: Graph) -> None:
    read = load.read_site(EXAMPLE)
    states = load.compiled(read).states
    boxes = {group.id for group in graph.groups}
    assert {identity.host(state.host) for state in states} <= boxes
    assert {identity.cluster(name) for name in read.clusters} <= boxes
    containers = {identity.container(name) for name in read.containers}
    assert containers <= {node.id for node in graph.nodes}
    names = {key for node in graph.nodes for row in node.rows for key in row.keys}
    assert {name for kind, name in names if kind == "tunnel"} == set(read.tunnels)
    assert {name for kind, name in names if kind == "route"} == set(read.routes)
    assert {name for kind, name in names if kind == "zfs"} == {
        dataset.name for state in states for dataset in state.datasets
    }


def test_every_mount_of_a_dataset_is_a_line_and_no_other_line_is(graph: Graph) -> None:
    states = load.compile_site(EXAMPLE).states
    mounts = {
        (container.name, mount.dataset)
        for state in states
        for container in state.containers
        for mount in container.mounts
        if isinstance(mount, BindMount) and mount.dataset
    }
    zfs = {
        End(node.id, row.id): name
        for node in graph.nodes
        for row in node.rows
        for kind, name in row.keys
        if kind == "zfs"
    }
    lines = {
        (edge.source.node.removeprefix("container "), zfs[edge.target])
        for edge in graph.edges
        if edge.way in (Way.OWN, Way.SHARED)
    }
    assert lines == mounts
    assert len(mounts) > 60


def test_every_end_of_a_line_is_there(graph: Graph) -> None:
    for each in (graph, overview.overview(graph)):
        known = {End(n.id, row.id) for n in each.nodes for row in n.rows}
        known |= {End(node.id) for node in each.nodes}
        assert {end for e in each.edges for end in (e.source, e.target)} <= known
        boxes = {group.id for group in each.groups} | {""}
        assert {node.group for node in each.nodes} <= boxes
        assert {group.parent for group in each.groups} <= boxes


def test_kinds_follow_from_what_the_site_says(graph: Graph) -> None:
    kinds = {node.title: node.kind for node in graph.nodes}
    assert {name for name, kind in kinds.items() if kind is Kind.DATABASE} == {
        "mongodb",
        "off-memcached",
        "off-postgres",
        "off-redis",
    }
    assert {name for name, kind in kinds.items() if kind is Kind.PROXY} == {"proxy", "ovh-proxy"}
    assert kinds["off-pro"] is Kind.APPLICATION
    assert kinds["stunnel-client"] is Kind.SERVICE
    assert [g.title for g in graph.groups if g.place is Place.OUTSIDE] == ["moji"]


def test_a_cascade_leads_from_the_public_to_what_answers(graph: Graph) -> None:
    asked = ways(graph, Way.REQUEST)
    assert ("public", "container proxy") in asked
    assert ("container proxy", "container off") in asked
    assert ("container proxy", "container stunnel-client") in asked  # query.openfoodfacts.org
    assert ("container off", "container stunnel-client") in asked  # named as its consumer
    assert ("container proxy", "container mongodb") in asked  # the target of a tunnel
    assert ("container ovh-stunnel-client", "container proxy") in ways(graph, Way.TUNNEL)
    assert ("container off", "container mongodb") in ways(graph, Way.USES)


def test_in_the_overview_lines_are_few_and_rows_say_the_rest(graph: Graph) -> None:
    brief = overview.overview(graph)
    assert not ways(brief, Way.SHARED)
    (users,) = (
        row for node in brief.nodes for row in node.rows if ("dataset", "off/users") in row.keys
        and node.kind is Kind.DATA
    )  # fmt: skip
    assert users.users == (
        *("obf", "obf-new", "off", "off-pro", "opf", "opf-new", "opff", "opff-new"),
    )
    assert len(ways(brief, Way.USES)) == 8 + 4
    names = {key for node in brief.nodes for row in node.rows for key in row.keys}
    assert names == {key for node in graph.nodes for row in node.rows for key in row.keys}


FOCUSED: list[tuple[Focus, set[str], set[str]]] = [
    (
        Focus(datasets=("users",)),
        {"off", "off-pro", "obf", "opff-new", "data of off", "copy of off"},
        {"proxy", "mongodb", "moji"},
    ),
    (
        Focus(datasets=("zfs-nvme/off/products",)),
        {"off", "off-pro", "data of off", "copy of off"},
        {"proxy", "data of obf"},
    ),
    (
        Focus(tunnels=("redis-ovh",)),
        {"ovh-stunnel-client", "proxy", "off-redis"},
        {"off", "mongodb", "moji", "data of off"},
    ),
    (
        Focus(tunnels=("off-query",)),
        {"the public", "proxy", "off", "stunnel-client", "moji", "10.3.0.200:5511"},
        {"mongodb", "off-pro"},
    ),
    (
        Focus(applications=("off",)),
        {"the public", "proxy", "off", "mongodb", "data of obf", "stunnel-client", "moji"},
        {"off-pro", "obf-new", "ovh-proxy"},
    ),
    (
        Focus(hosts=("ovh1",)),
        {"ovh-proxy", "ovh-stunnel-client", "moji", "proxy", "10.1.0.201:8087"},
        {"off", "data of off"},
    ),
]


@pytest.mark.parametrize(("asked", "there", "gone"), FOCUSED)
def test_a_focus_shows_what_it_is_about(
    graph: Graph, asked: Focus, there: set[str], gone: set[str]
) -> None:
    found = focus.focused(graph, asked)
    assert there <= titles(found)
    assert not gone & titles(found)
    assert set(found.edges) <= set(graph.edges)
    boxes = {group.id for group in found.groups}
    assert {node.group for node in found.nodes} - {""} <= boxes
    assert {group.parent for group in found.groups} - {""} <= boxes


def test_only_the_rows_that_matter_are_left(graph: Graph) -> None:
    found = focus.focused(graph, Focus(datasets=("off/users",)))
    rows = [row.id for node in found.nodes for row in node.rows]
    assert rows == ["off/users", "off/users"]
    assert focus.words(Focus(datasets=("off/users",))) == ("only what is about dataset off/users",)


def test_without_a_focus_nothing_is_left_out(graph: Graph) -> None:
    assert focus.focused(graph, Focus()) == graph
    assert focus.words(Focus()) == ()


REFUSED: list[tuple[Focus, str, str]] = [
    (Focus(datasets=("products",)), "5 datasets are called so", "off-pro/products, off/products"),
    (Focus(datasets=("userz",)), "the site has no such dataset", "did you mean 'off/users'?"),
    (Focus(datasets=("sers",)), "the site has no such dataset", ""),
    (Focus(tunnels=("redis-ovg",)), "the site has no such tunnel", "did you mean 'redis-ovh'?"),
    (Focus(hosts=("off9",)), "the site has no such host", "did you mean 'off"),
    (Focus(hosts=("moji",)), "the site has no such host", "off1, off2, ovh1"),
    (Focus(applications=("mongodb",)), "the site has no such application", "it has obf, off"),
    (Focus(applications=("",)), "the site has no such application", ""),
]


@pytest.mark.parametrize(("asked", "said", "hint"), REFUSED)
def test_a_name_that_nothing_has_is_refused(
    graph: Graph, asked: Focus, said: str, hint: str
) -> None:
    with pytest.raises(errors.AuthorError) as refused:
        focus.focused(graph, asked)
    assert said in str(refused.value)
    assert hint in refused.value.hint


def test_what_leads_to_an_address_leads_to_the_container_that_has_it(
    small: Callable[[str], Graph],
) -> None:
    found = small(
        "[containers.a]\nuse = 'po'\nid = 101\n[containers.b]\nuse = 'po'\nid = 102\n"
        "[routes.r]\nnames = 'a.org'\nproxy = 'a'\naddress = '10.1.0.102:80'\n"
        "[routes.s]\nnames = 'b.org'\nproxy = 'a'\naddress = '10.9.9.9:80'\n"
    )
    asked = ways(found, Way.REQUEST)
    assert ("container a", "container b") in asked
    assert ("container a", identity.address(identity.cluster("c"), "10.9.9.9:80")) in asked


def test_the_same_site_gives_the_same_diagram(graph: Graph) -> None:
    assert drawn() == graph
    assert len(set(graph.edges)) == len(graph.edges)


def test_a_site_of_one_empty_host_is_drawn(small: Callable[[str], Graph]) -> None:
    found = overview.overview(small(""))
    assert [group.title for group in found.groups] == ["c", "h"]
    assert found.edges == ()
    assert Edge(End("a"), End("b"), Way.USES) not in found.edges
