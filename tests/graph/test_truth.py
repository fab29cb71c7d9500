"""What is true now, on a diagram: right only what somebody told of, and every colour has a word."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from graph.drawings import EXAMPLE, drawn, picture
from offctl.report import AGENT, Report, ResourceStatus, TunnelStatus
from offctl.status import State
from offctl_cli.fleet import HostStatus
from offctl_cli.graph import overview, truth
from offctl_cli.graph.model import Graph, Kind, Mark, Tone, Way, worst
from offctl_cli.graph.truth import NOT_KNOWN, NOT_PUBLISHED, WELL, Told
from offctl_cli.site import load

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATES = {state.host: state for state in load.compile_site(EXAMPLE).states}


def status(host: str, state: str = "converged", reason: str = "") -> HostStatus:
    counted = dict.fromkeys(
        ("resources", "drift", "pending_restarts", "failed", "blocked", "unknown", "orphans"), 0
    )
    return HostStatus(
        host=host, state=state, code="", reason=reason, mode="enforce", serial=7, reported=AT,
        contacted=AT, freshness="fresh", unmanaged=0, **counted,
    )  # fmt: skip


def report(host: str, *resources: ResourceStatus, tunnels: tuple[TunnelStatus, ...] = ()) -> Report:
    return Report(
        site="openfoodfacts", host=host, stream="x", sequence=1, time=AT, software="1",
        mode="enforce", serial=7, manifest_sha256="", bundle_sha256="", freshness="fresh",
        interval=60, seconds_milli=1, resources=resources, tunnels=tunnels,
    )  # fmt: skip


def told(host: str, *resources: ResourceStatus, state: str = "converged") -> Told:
    return Told(status(host, state), report(host, *resources), STATES[host])


EVERY = {host: told(host) for host in STATES}


@pytest.fixture(scope="module")
def graph() -> Graph:
    return drawn()


def marks(graph: Graph, known: dict[str, Told]) -> dict[str, Mark | None]:
    found = truth.marked(graph, tuple(STATES.values()), known)
    rows = {f"{n.id} # {row.id}": row.mark for n in found.nodes for row in n.rows}
    boxes = {group.id: group.mark for group in found.groups}
    return {**rows, **boxes, **{node.id: node.mark for node in found.nodes}}


def test_what_every_host_is_well_with_is_right_and_needs_no_word(graph: Graph) -> None:
    found = marks(graph, EVERY)
    assert found["container off"] == WELL
    assert found["data off2 off # off/users"] == WELL
    assert found["host off2"] == Mark("converged", Tone.RIGHT)
    assert found["cluster ovh"] is None
    assert found["public"] is None
    assert WELL.word == ""


@pytest.mark.parametrize(
    ("resource", "state", "part", "tone"),
    [
        ("container 113 off", "drift", "container off", Tone.CARE),
        ("service nginx.service in container 113 off", "failed", "container off", Tone.BAD),
        ("mount /mnt/off of container 113 off", "pending", "container off", Tone.CARE),
        ("stunnel off of container 101 proxy", "unknown", "container proxy", Tone.UNKNOWN),
        ("dataset zfs-hdd/off/users", "blocked", "data off2 off # off/users", Tone.CARE),
        ("directory /zfs-hdd/off/imports", "held", "data off2 off # off", Tone.CARE),
    ],
)
def test_what_a_host_says_of_a_thing_is_on_it(
    graph: Graph, resource: str, state: str, part: str, tone: Tone
) -> None:
    said = ResourceStatus(resource, state, "because")
    found = marks(graph, {**EVERY, "off2": told("off2", said)})
    assert found[part] == Mark(state, tone)
    others = {name for name, mark in found.items() if mark == Mark(state, tone)}
    assert others == {part}


def test_of_several_the_worst_is_told(graph: Graph) -> None:
    said = [
        ResourceStatus("container 113 off", "pending", ""),
        ResourceStatus("service nginx.service in container 113 off", "failed", ""),
        ResourceStatus("container 113 off", "orphan", ""),
    ]
    found = marks(graph, {**EVERY, "off2": told("off2", *said)})
    assert found["container off"] == Mark("failed", Tone.BAD)


def untold() -> dict[str, Told]:
    off2 = EVERY["off2"]
    found = {
        "it never reported": replace(off2, report=None),
        "its release is not known": replace(off2, published=None),
        "its report was cut": replace(off2, report=replace(report("off2"), omitted=1)),
        "a word of a newer version": replace(off2, status=status("off2", "wonderful")),
        "an error ended its run": told(
            "off2", ResourceStatus(AGENT, "failed", "the pool is full"), state="failed"
        ),
    }
    for state in (State.SILENT, State.AWAITED, State.DUPLICATE, State.RETIRED):
        found[state.value] = replace(off2, status=status("off2", state.value))
    return found


@pytest.mark.parametrize("why", untold())
def test_what_nobody_told_of_is_never_right(graph: Graph, why: str) -> None:
    found = marks(graph, {**EVERY, "off2": untold()[why]})
    assert found["container off"] == NOT_KNOWN
    assert found["data off2 off # off/users"] == NOT_KNOWN
    assert found["container mongodb"] == WELL


def test_a_host_that_the_coordinator_does_not_know_is_not_known(graph: Graph) -> None:
    found = marks(graph, {})
    assert {mark for mark in found.values() if mark is not None} == {NOT_KNOWN}
    assert found["host off1"] == NOT_KNOWN


def test_what_is_in_the_text_and_not_in_the_release_is_not_called_right(graph: Graph) -> None:
    before = STATES["off2"]
    older = replace(
        before, containers=tuple(each for each in before.containers if each.name != "off-pro")
    )
    found = marks(graph, {**EVERY, "off2": replace(EVERY["off2"], published=older)})
    assert found["container off-pro"] == NOT_PUBLISHED
    assert found["container off"] == WELL


def test_a_container_with_a_new_name_is_the_one_with_its_id(graph: Graph) -> None:
    before = STATES["off2"]
    called = tuple(
        replace(each, name="old-name") if each.id == 113 else each for each in before.containers
    )
    said = report("off2", ResourceStatus("container 113 old-name", "drift", ""))
    host = Told(status("off2"), said, replace(before, containers=called))
    assert marks(graph, {**EVERY, "off2": host})["container off"] == Mark("drift", Tone.CARE)


END = TunnelStatus(
    "redis-ovh", "client", 113, "off", "10.1.0.113:6379", "off2", 1, "proven",
    "2026-03-01T00:00:00Z", "",
)  # fmt: skip
SERVER = replace(END, role="server", container=101, accept="6379", peer="ovh1", state="loaded")


@pytest.mark.parametrize(
    ("client", "server", "mark"),
    [
        ("proven", "loaded", WELL),
        ("broken", "loaded", Mark("broken", Tone.BAD)),
        ("proven", "not loaded", Mark("not loaded", Tone.CARE)),
        ("proven", "", Mark("silent", Tone.UNKNOWN)),
    ],
)
def test_a_tunnel_is_as_both_of_its_ends_say(
    graph: Graph, client: str, server: str, mark: Mark
) -> None:
    far = (replace(SERVER, state=server),) if server else ()
    known = {
        **EVERY,
        "ovh1": replace(
            EVERY["ovh1"], report=report("ovh1", tunnels=(replace(END, state=client),))
        ),
        "off2": replace(EVERY["off2"], report=report("off2", tunnels=far)),
    }
    found = truth.marked(graph, tuple(STATES.values()), known)
    lines = {edge.label: edge.mark for edge in found.edges if edge.way is Way.TUNNEL}
    assert lines["redis-ovh"] == mark
    assert lines["mongodb-ovh"] == NOT_KNOWN
    rows = [row.mark for n in found.nodes for row in n.rows if ("tunnel", "redis-ovh") in row.keys]
    assert rows == [mark, mark]


def test_the_host_says_since_when_and_why(graph: Graph) -> None:
    silent = replace(EVERY["off2"], status=status("off2", "silent", "no report for 2 h"))
    found = truth.marked(graph, tuple(STATES.values()), {**EVERY, "off2": silent})
    (host,) = (group for group in found.groups if group.id == "host off2")
    assert host.mark == Mark("silent", Tone.BAD)
    assert host.lines[-2:] == ("reported 2026-03-01T12:00:00Z", "no report for 2 h")


def test_what_is_folded_into_one_row_keeps_what_is_wrong_apart(graph: Graph) -> None:
    said = ResourceStatus("dataset zfs-hdd/off/cache", "drift", "")
    known = {**EVERY, "off2": told("off2", said)}
    brief = overview.overview(truth.marked(graph, tuple(STATES.values()), known))
    rows = {
        row.text: row.mark
        for node in brief.nodes
        if node.kind is Kind.DATA and node.owner == "off"
        for row in node.rows
    }
    assert rows["cache"] == Mark("drift", Tone.CARE)
    assert rows["html_data, logs"] == WELL


def test_no_colour_is_the_only_sign(graph: Graph) -> None:
    """Everything that is not right says so in a word that is in the picture."""
    said = ResourceStatus("container 113 off", "drift", "")
    known = {"off2": told("off2", said), "off1": untold()["silent"]}
    marked = truth.marked(graph, tuple(STATES.values()), known)
    words = picture(marked).words
    named = [(node.title, node.mark) for node in marked.nodes]
    for title, mark in (*named, *((group.title, group.mark) for group in marked.groups)):
        if mark is not None and mark.tone is not Tone.RIGHT:
            assert mark.word
            assert any(f"{title} [{mark.word}]" in word for word in words), title


def test_the_worst_of_nothing_is_nothing() -> None:
    assert worst([]) is None
    assert worst([None, WELL]) == WELL
    assert worst([WELL, NOT_KNOWN, Mark("drift", Tone.CARE), Mark("failed", Tone.BAD)]) == Mark(
        "failed", Tone.BAD
    )
