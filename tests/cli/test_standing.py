"""Configured and running, apart from desired: what a view says of one property."""

from dataclasses import replace

import pytest

from offctl.desired.facts import Resource
from offctl.desired.model import DesiredState
from offctl.observed import (
    Configuration,
    Effective,
    ObservedContainer,
    ObservedDataset,
    ObservedDirectory,
    ObservedState,
    Property,
    Unknown,
)
from offctl.planner import idmaps
from offctl_cli import standing
from offctl_cli.standing import Standing
from planner import case
from planner.test_tunnels import END, RIGHT

TEXT = """
[[dataset]]
name = "tank/a"
properties = { atime = "off" }
directory = [{ path = "d", uid = 5 }, { path = "e", uid = 5 }, { path = "f" }, { path = "g" }]
[[container]]
id = 113
network = [{ index = 0, name = "eth0", bridge = "vmbr0" }]
mount = [{ target = "/m", source = "/tank/a", dataset = "tank/a" }]
[[container]]
id = 114
[[container]]
id = 115
"""
FILE = Configuration(
    options=(("cores", "2"), ("mp3", "/tank/a,mp=/m"), ("net0", "name=eth0,bridge=b")),
    raw=(),
    pending=(("mp3", "/tank/b,mp=/m"), ("tty", "1")),
    pending_delete=("cores",),
    digest="",
)
SEEN = ObservedState(
    pools=(),
    datasets=(
        ObservedDataset("tank/a", "filesystem", (("atime", Property("on", "local")),), "/tank/a"),
    ),
    containers=(
        ObservedContainer(113, FILE, Effective((("/m", "/tank/old"),), (), (("x", "dead"),))),
        ObservedContainer(114, FILE, None),
        (115, Unknown("torn")),
    ),
    guests=(),
    subids=(),
    directories=(
        ("/tank/a", ObservedDirectory(3, 4, 0o711)),
        ("/tank/a/d", ObservedDirectory(7, 8, 0o750)),
        ("/tank/a/e", None),
        ("/tank/a/f", Unknown("a link")),
    ),
    tunnels=(RIGHT,),
)
IDLE = standing.NOT_RUNNING


def state() -> DesiredState:
    return replace(case.desired(TEXT), tunnels=(END,))


@pytest.mark.parametrize(
    ("resource", "name", "expected"),
    [
        (("dataset", "tank/a"), "atime", Standing("on (local)")),
        (
            ("dataset", "tank/a"),
            "mountpoint",
            Standing("not known to this ZFS", "shows at /tank/a"),
        ),
        (("dataset", "tank/a"), "uid", Standing("3")),
        (("dataset", "tank/a"), "mode", Standing("0711")),
        (("dataset", "tank/a"), "audit", Standing()),
        (("dataset", "tank/b"), "mountpoint", Standing("absent", "not mounted")),
        (("dataset", "tank/b"), "uid", Standing("absent")),
        (("directory", "tank/a:d"), "uid", Standing("7")),
        (("directory", "tank/a:d"), "mode", Standing("0750")),
        (("directory", "tank/a:d"), "exists", Standing("yes")),
        (("directory", "tank/a:e"), "uid", Standing("absent")),
        (("directory", "tank/a:f"), "uid", Standing("unknown: a link")),
        (("directory", "tank/a:g"), "uid", Standing("not observed")),
        (("container", "113"), "cores", Standing("2; after a restart absent")),
        (("container", "113"), "tty", Standing("absent; after a restart 1")),
        (("container", "113"), "run", Standing("", "running")),
        (("container", "113"), "services", Standing("", "x: dead")),
        (("container", "113"), "windows", Standing()),
        (("container", "114"), "run", Standing("", "stopped")),
        (("container", "114"), "services", Standing("", IDLE)),
        (("container", "115"), "cores", Standing("unknown: torn")),
        (("container", "116"), "cores", Standing("absent", "absent")),
        (
            ("mount", "113:/m"),
            "source",
            Standing("mp3: /tank/a,mp=/m; after a restart /tank/b,mp=/m", "/tank/old"),
        ),
        (("mount", "113:/n"), "source", Standing("absent", "nothing is shown")),
        (("network", "113:eth0"), "bridge", Standing("net0: name=eth0,bridge=b")),
        (("host", "off2"), "mode", Standing()),
        (
            ("tunnel", "redis/server"),
            "accept",
            Standing(
                "its files are right",
                "listens, and has read exactly this; a connection through it stays up",
            ),
        ),
        (("tunnel", "redis/server"), "consumers", Standing()),
        (("tunnel", "other/client"), "accept", Standing("not observed")),
    ],
)
def test_one_property(resource: Resource, name: str, expected: Standing) -> None:
    assert standing.of(resource, name, state(), SEEN) == expected


def test_an_idmap_that_is_written_and_not_in_effect() -> None:
    found = standing.of(("container", "113"), "idmap", state(), SEEN)
    assert found.configured
    assert standing.of(("container", "114"), "idmap", state(), SEEN).running == IDLE


@pytest.mark.parametrize(
    ("changes", "running"),
    [
        ({"unknown": "the container is busy"}, "the container is busy"),
        ({"running": False}, "nothing listens"),
        ({"loaded": False}, "listens to something else; a connection through it stays up"),
    ],
)
def test_a_tunnel_in_trouble(changes: dict[str, object], running: str) -> None:
    there = replace(RIGHT, different=("off.conf differs",), **changes)  # type: ignore[arg-type]
    seen = replace(SEEN, tunnels=(there,))
    found = standing.of(("tunnel", "redis/server"), "accept", state(), seen)
    assert found == Standing("not as it should be: off.conf differs", running)


def test_what_could_not_be_read_is_unknown_and_not_absent() -> None:
    lost = Unknown("the disk is gone")
    seen = replace(SEEN, datasets=lost, containers=lost)
    said = Standing("unknown: the disk is gone")
    assert standing.of(("dataset", "tank/a"), "atime", state(), seen) == said
    assert standing.of(("container", "113"), "cores", state(), seen) == said


@pytest.mark.parametrize(
    ("resource", "name", "expected"),
    [
        (("container", "113"), "idmap", ("container 113", idmaps.FIELD)),
        (("mount", "113:/m"), "source", ("container 113", "mount /m")),
        (("network", "113:eth0"), "ip", ("container 113", "net0")),
        (("directory", "tank/a:d"), "uid", ("directory /tank/a/d", "uid")),
        (("dataset", "tank/a"), "atime", ("dataset tank/a", "atime")),
        (("dataset", "tank/a"), "mountpoint", ("dataset tank/a", "mounted")),
        (("dataset", "tank/a"), "gid", ("directory /tank/a", "gid")),
        (("tunnel", "redis/server"), "accept", ("stunnel host:off", "")),
        (("tunnel", "redis/server generation 1"), "accept", ("stunnel host:off", "")),
    ],
)
def test_plans_call_it_by_these_words(
    resource: Resource, name: str, expected: tuple[str, str]
) -> None:
    found, field = standing.fields(resource, name, state())
    assert (found.key, field) == expected


def test_a_directory_in_the_place_of_a_dataset_that_is_not_mounted_is_not_its_own() -> None:
    assert not isinstance(SEEN.datasets, Unknown)
    seen = replace(SEEN, datasets=(replace(SEEN.datasets[0], mounted_at=""),))
    found = standing.of(("dataset", "tank/a"), "uid", state(), seen)
    assert found == Standing("not mounted")
