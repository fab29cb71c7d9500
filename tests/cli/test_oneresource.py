"""`offctl status HOST RESOURCE`: found by what people call it, and everything known of it shown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path

from click.testing import CliRunner
import pytest

from cli.test_events import ACTION, FAILED
from cli.test_status import RIGHT, configured
from offctl import errors
from offctl.desired.model import (
    BindMount,
    Container,
    Dataset,
    DesiredState,
    Mode,
    RootFilesystem,
    RunState,
    TunnelEnd,
)
from offctl.observed import ObservedDataset, ObservedState, Property, Unknown
from offctl.planner.view import View
from offctl.pools import PoolStatus
from offctl.report import AGENT, Difference, Report, ResourceStatus, TunnelStatus, Wait
from offctl_cli import oneresource
from offctl_cli.commands import status
from offctl_cli.foreseeing import Seen
from transport.fleet import Fleet, now, served

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
END = TunnelEnd(
    name="mongo",
    role="client",
    container=113,
    instance="off",
    section="mongo",
    accept="127.0.0.1:27017",
    connect="10.0.0.1:27018",
    identity="mongo",
    generation=1,
    peer_host="off1",
    peer_key="",
)
STATE = DesiredState(
    site="openfoodfacts",
    host="off2",
    mode=Mode.ENFORCE,
    datasets=(Dataset("tank/products", "off/products", "/tank/products", (("atime", "off"),)),),
    containers=(
        Container(
            *(113, "off", RunState.RUNNING, "", RootFilesystem("local", 8), True),
            mounts=(BindMount("/mnt/products", "/tank/products", "tank/products"),),
        ),
        Container(1130, "opf", RunState.RUNNING, "", RootFilesystem("local", 8), unprivileged=True),
    ),
    tunnels=(END,),
)
NOTHING_SEEN = Seen(None, untold="it has not handed in anything")
ELSEWHERE = ResourceStatus("container 1130 opf", "failed", "another one")
MOUNT = ResourceStatus("mount /mnt/products of container 113 off", "drift", "not shown")
SERVICE = ResourceStatus("service nginx in container 113 off", "failed", "not running")
DATASET = ResourceStatus(
    "dataset tank/products", "drift", "set", differences=(Difference("atime", "on", "off"),)
)


def report(**changes: object) -> Report:
    values = Report(
        *("openfoodfacts", "off2", "0" * 16, 1, NOW, "0.1.0", "enforce", 7, "a" * 64, "b" * 64),
        *("fresh", 60, 20),
        resources=(ELSEWHERE, MOUNT, SERVICE, DATASET),
        pools=(PoolStatus("tank", "DEGRADED", 1 << 40, 1 << 40, ""),),
        tunnels=(
            TunnelStatus(
                *("mongo", "client", 113, "off", "127.0.0.1:27017", "off1", 1, "broken"),
                *("2026-03-01T09:00:00Z", "cannot connect"),
            ),
        ),
        waits=(Wait("hold", "container 113", "", "a restore", "release it"),),
    )
    return replace(values, **changes)  # type: ignore[arg-type]


def shown(text: str, seen: Seen = NOTHING_SEEN) -> oneresource.Shown:
    return about(text, report(), seen)


def about(text: str, told: Report, seen: Seen = NOTHING_SEEN) -> oneresource.Shown:
    return oneresource.show(text, STATE, told, seen, (ACTION, FAILED), status=RIGHT, release=7)


@pytest.mark.parametrize(
    ("text", "label", "wrong"),
    [
        ("off", "container 113 off", [MOUNT, SERVICE]),
        ("113", "container 113 off", [MOUNT, SERVICE]),
        ("containers/off", "container 113 off", [MOUNT, SERVICE]),
        ("containers/off/", "container 113 off", [MOUNT, SERVICE]),
        ("opf", "container 1130 opf", [ELSEWHERE]),
        ("tank/products", "dataset tank/products", [DATASET]),
        ("off/products", "dataset tank/products", [DATASET]),
        ("datasets/off/products", "dataset tank/products", [DATASET]),
        ("tank", "pool tank", [DATASET]),
    ],
)
def test_a_resource_is_found_by_what_people_call_it(
    text: str, label: str, wrong: list[ResourceStatus]
) -> None:
    found = shown(text)
    assert (found.label, list(found.wrong)) == (label, wrong)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("of", "or off?"),
        ("tank/product", "did you mean tank/products"),
        ("", "offctl explain"),
        ("zzzzzz", "offctl explain"),
        ("11", "did you mean 113"),
    ],
)
def test_what_there_is_not_is_refused(text: str, hint: str) -> None:
    with pytest.raises(errors.NotFoundError, match="asks for nothing of that name") as refused:
        shown(text)
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("text", "expected"), [("off", 2), ("tank/products", 1), ("tank", 1), ("mongo", 2)]
)
def test_the_exit_status_is_about_the_resource_alone(text: str, expected: int) -> None:
    assert oneresource.exit_status(shown(text), NOW) == expected


def test_a_resource_shows_what_is_asked_and_how_it_stands() -> None:
    there = ObservedDataset(
        "tank/products", "filesystem", (("atime", Property("on", "local")),), ""
    )
    lost = Unknown("not looked at")
    view = View(ObservedState((), (there,), lost, lost, lost, ()))
    text = "\n".join(oneresource.lines(shown("tank/products", Seen(view, NOW)), "off2", NOW))
    assert text.startswith("dataset tank/products on off2\n  drift    dataset tank/products: set\n")
    assert "           atime: on → off\n" in text
    assert "asked for by release 7, as observed at 2026-03-01T12:00:00Z:\n" in text


def test_what_is_not_known_is_not_made_up() -> None:
    lines = list(oneresource.lines(shown("off"), "off2", NOW))
    untold = "how it stands is not known: it has not handed in anything"
    assert f"asked for by release 7; {untold}" in lines
    assert "  hold: a restore" in lines
    never = oneresource.show(
        "tank/products", STATE, None, NOTHING_SEEN, (), status=RIGHT, release=7
    )
    lines = list(oneresource.lines(never, "off2", NOW))
    assert lines[:2] == ["dataset tank/products on off2", "  not sure: no report at all"]
    assert oneresource.exit_status(never, NOW) == 1


def test_the_verdict_is_that_of_a_host_that_is_to_be_believed() -> None:
    well = about("tank/products", report(resources=(ELSEWHERE,)))
    assert next(oneresource.lines(well, "off2", NOW)).endswith(": nothing is reported wrong")
    assert oneresource.exit_status(well, NOW) == 0
    assert oneresource.as_json(well, "off2", 1)["doubts"] == []


AGENT_FAILED = ResourceStatus(AGENT, "failed", "cannot write x")


@pytest.mark.parametrize(
    ("state", "said", "unreadable", "why", "expected"),
    [
        ("silent", {}, "", "silent: because", 2),
        ("duplicate", {}, "", "duplicate: because", 2),
        ("refused", {}, "", "refused: because", 2),
        ("expired", {}, "", "expired: because", 2),
        ("awaited", None, "", "awaited: because", 1),
        ("retired", {}, "", "retired: because", 1),
        ("a newer word", {}, "", "a newer word: because", 1),
        ("blocked", None, "", "no report at all", 1),
        ("queued", {}, "", "queued: because", 1),
        ("behind", {}, "", "behind: because", 1),
        ("stale", {}, "", "stale: because", 1),
        ("converged", {"omitted": 3}, "", "3 more were left out of its report", 1),
        ("failed", {"resources": (AGENT_FAILED,)}, "", "an error ended its run: cannot write x", 2),
        ("drift", {"serial": 0}, "", "it reports about no release yet", 1),
        ("converged", None, "unknown key 'new'", "its report cannot be read here: unknown", 1),
    ],
)
def test_nothing_reported_wrong_is_no_verdict_where_nobody_can_be_sure(
    state: str, said: dict[str, object] | None, unreadable: str, why: str, expected: int
) -> None:
    host = replace(RIGHT, state=state, reason="because")
    told = None if said is None else report(**{"resources": (), **said})
    found = oneresource.show(
        *("tank/products", STATE, told, NOTHING_SEEN, ()),
        status=host,
        release=7,
        unreadable=unreadable,
    )
    lines = list(oneresource.lines(found, "off2", NOW))
    assert lines[0] == "dataset tank/products on off2"
    assert lines[1].startswith(f"  not sure: {why}")
    assert oneresource.exit_status(found, NOW) == expected
    assert oneresource.as_json(found, "off2", 1)["doubts"][0].startswith(why)


def test_a_doubt_never_hides_what_is_broken() -> None:
    found = about("off", report(omitted=1))
    assert oneresource.exit_status(found, NOW) == 2


def test_a_pool_whose_snapshots_stopped_says_so() -> None:
    pool = PoolStatus("tank", "ONLINE", 1 << 40, 9 << 40, "2026-02-20T12:00:00Z")
    found = about("tank", report(resources=(), pools=(pool,)))
    assert oneresource.exit_status(found, NOW) == 1
    lines = list(oneresource.lines(found, "off2", NOW))
    assert lines[0] == "pool tank on off2"
    assert lines[2] == "    attention: snapshots unchanged since 2026-02-20"
    fresh = replace(pool, snapshots="2026-03-01T11:00:00Z")
    found = about("tank", report(resources=(), pools=(fresh,)))
    assert oneresource.exit_status(found, NOW) == 0


def test_a_tunnel_shows_what_its_end_says() -> None:
    lines = list(oneresource.lines(shown("mongo"), "off2", NOW))
    assert "  client end at 127.0.0.1:27017, generation 1: broken for 3 h: cannot connect" in lines


def test_what_happened_to_it_is_shown_and_nothing_else() -> None:
    mine = replace(ACTION, resource="dataset tank/products")
    found = oneresource.show(
        "off/products", STATE, report(), NOTHING_SEEN, (mine, ACTION), status=RIGHT, release=7
    )
    assert found.events == (mine,)


def test_the_command_against_a_real_coordinator(tmp_path: Path) -> None:
    fleet = Fleet()
    state = replace(STATE, host="off1", tunnels=(), identity=fleet.state("off1").identity)
    clock = [now()]
    release = fleet.release_of(3, state)
    with served(fleet, tmp_path, release, clock=lambda: clock[0]) as running:
        config = configured(tmp_path, fleet, running.address)
        content = fleet.report("off1", serial=3, resources=(MOUNT,))
        running.do(running.coordinator.report("off1", content))
        environment = {"OFFCTL_CONFIG": str(config)}
        told = CliRunner().invoke(status.command, ["off1", "off"], env=environment)
        coded = CliRunner().invoke(status.command, ["off1", "113", "--json"], env=environment)
        nothing = CliRunner().invoke(status.command, ["off1", "mongo"], env=environment)
        clock[0] += timedelta(hours=2)
        silent = CliRunner().invoke(status.command, ["off1", "tank/products"], env=environment)
        content = fleet.report("off1", 2, serial=3, time=clock[0])
        running.do(running.coordinator.report("off1", content))
        behind = CliRunner().invoke(status.command, ["off1", "tank/products"], env=environment)
    assert told.exit_code == 1, told.output
    assert "drift    mount /mnt/products of container 113 off: not shown" in told.output
    value = json.loads(coded.output)
    assert (value["schema"], value["host"], value["label"]) == (1, "off1", "container 113 off")
    assert isinstance(nothing.exception, errors.NotFoundError)
    assert silent.exit_code == 2, silent.output
    assert "dataset tank/products on off1\n  not sure: silent: no report for 2 h\n" in silent.output
    assert behind.exit_code == 1, behind.output
    assert behind.output.startswith(
        "dataset tank/products on off1\n  not sure: behind: at serial 3"
    )
    assert "\nasked for by release 3; how it stands is not known: " in behind.output
