"""Id-map intents: every id mapped once, no off-by-one, owners and grants that follow."""

from collections.abc import Callable
import itertools
import random

import pytest

from offctl.desired import idranges
from offctl.desired.model import Container, DesiredState, IdRange
from offctl_cli.site.compiler import Compiled

Compile = Callable[[str], Compiled]

CONTAINER = "[containers.x]\nuse = 'po'\nid = 113\n"
OVER = "[profiles.none]\nuse = 'po'\n"


def state(result: Compiled) -> DesiredState:
    assert [str(each) for each in result.findings] == []
    return result.states[0]


def container(result: Compiled) -> Container:
    (found,) = state(result).containers
    return found


def lines(ranges: tuple[IdRange, ...] | None) -> list[str]:
    return [f"{r.kind} {r.inside} {r.outside} {r.count}" for r in ranges or ()]


def spans(result: Compiled) -> list[str]:
    return [f"{each.kind} {each.start} {each.count}" for each in state(result).subids]


INTENTS = [
    (["1000-65535"], ["0 100000 1000", "1000 1000 64536"]),
    (["1000"], ["0 100000 1000", "1000 1000 1", "1001 101001 64535"]),
    (["1000-1009"], ["0 100000 1000", "1000 1000 10", "1010 101010 64526"]),
    (["0-999"], ["0 0 1000", "1000 101000 64536"]),
    (["0-65535"], ["0 0 65536"]),
    (
        ["33", "1000-1001"],
        ["0 100000 33", "33 33 1", "34 100034 966", "1000 1000 2", "1002 101002 64534"],
    ),  # fmt: skip
    (["1000-2000", "1500-3000"], ["0 100000 1000", "1000 1000 2001", "3001 103001 62535"]),
    (["5", "6", "7"], ["0 100000 5", "5 5 3", "8 100008 65528"]),
    (["65535"], ["0 100000 65535", "65535 65535 1"]),
]


@pytest.mark.parametrize(("identity", "expected"), INTENTS)
def test_intent(compiled: Compile, base: str, identity: list[str], expected: list[str]) -> None:
    text = base.replace('identity = ["1000-65535"]', f"identity = {identity}")
    ranges = container(compiled(text + CONTAINER)).idmap
    assert lines(ranges) == [f"{kind} {each}" for each in expected for kind in ("u", "g")]


def test_id_999_is_mapped(compiled: Compile, base: str) -> None:
    ranges = container(compiled(base + CONTAINER)).idmap or ()
    assert idranges.on_host(ranges, "u", 999) == 100999
    assert idranges.on_host(ranges, "g", 1000) == 1000
    wrong = (IdRange("u", 0, 100000, 999), IdRange("u", 1000, 1000, 64536))
    assert idranges.on_host(wrong, "u", 999) is None


def test_any_intent_maps_every_id_once(compiled: Compile, base: str) -> None:
    chance = random.Random(999)
    for _ in range(25):
        edges = sorted(chance.sample(range(65536), 6))
        pairs = zip(edges[::2], edges[1::2], strict=True)
        identity = [f"{first}-{last}" for first, last in pairs]
        text = base.replace('identity = ["1000-65535"]', f"identity = {identity}")
        result = compiled(text + CONTAINER)
        ranges = [r for r in container(result).idmap or () if r.kind == "u"]
        inside = [n for r in ranges for n in (r.inside, r.inside + r.count)]
        assert inside[0] == 0
        assert inside[-1] == 65536
        assert inside[1:-1:2] == inside[2:-1:2]
        outside = sorted((r.outside, r.outside + r.count) for r in ranges)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(outside))
        granted = [s for s in state(result).subids if s.kind == "u"]
        for r in ranges:
            assert any(s.start <= r.outside and r.outside + r.count <= s.start + s.count
                       for s in granted)  # fmt: skip


def test_grants_cover_the_maps_and_the_default(compiled: Compile, base: str) -> None:
    assert spans(compiled(base + CONTAINER)) == [
        "u 1000 64536",
        "u 100000 65536",
        "g 1000 64536",
        "g 100000 65536",
    ]


def test_written_grants_replace_those_that_follow(compiled: Compile, base: str) -> None:
    text = base.replace("pools =", 'subordinate_ids = ["100000:65536", "1000:10"]\npools =')
    assert spans(compiled(text + CONTAINER)) == [
        "u 1000 10",
        "u 100000 65536",
        "g 1000 10",
        "g 100000 65536",
    ]


def test_a_host_without_containers_needs_no_grant(compiled: Compile, base: str) -> None:
    assert spans(compiled(base)) == []


def test_default_means_no_line_may_stand_there(compiled: Compile, base: str) -> None:
    text = base.replace('idmap = { identity = ["1000-65535"] }', 'idmap = "default"')
    assert container(compiled(text + CONTAINER)).idmap == ()


def test_exact_lines_are_kept_even_with_a_gap(compiled: Compile, base: str) -> None:
    written = ["u 0 100000 999", "g 0 100000 999", "u 1000 1000 64536", "g 1000 1000 64536"]
    text = base.replace('identity = ["1000-65535"]', f"lines = {written}")
    assert lines(container(compiled(text + CONTAINER)).idmap) == written


def owner(result: Compiled, logical: str = "d") -> tuple[int | None, int | None]:
    (found,) = [each for each in result.states[0].datasets if each.logical == logical]
    return found.access.uid, found.access.gid


DATASET = "[datasets.d]\nplace.h = 'tank/d'\nowner = '{owner}'\n{more}"
MOUNTED = CONTAINER + "mounts.'/mnt/d' = 'd'\n"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0:0", (100000, 100000)),
        ("999:999", (100999, 100999)),
        ("1000:33", (1000, 100033)),
        ("65535:1000", (65535, 1000)),
    ],
)
def test_owner_is_seen_through_the_map(
    compiled: Compile, base: str, written: str, expected: tuple[int, int]
) -> None:
    result = compiled(base + MOUNTED + DATASET.format(owner=written, more=""))
    assert state(result)
    assert owner(result) == expected


PLAIN = "[containers.y]\nuse = 'plain'\nid = 114\nmounts.'/mnt/d' = 'd'\n"
PROFILE = """\
[profiles.plain]
host = "h"
rootfs = { storage = "fast", size = "8G" }
networks.eth0 = { role = "internal" }
"""


def test_containers_that_disagree_must_be_decided_between(compiled: Compile, base: str) -> None:
    text = base + PROFILE + PLAIN + MOUNTED
    (found,) = compiled(text + DATASET.format(owner="1000:1000", more="")).findings
    assert (found.code, found.hint) == ("owner", 'write as_seen_by = "CONTAINER"')
    assert "containers x, y with different id-maps mount it" in found.text
    for name, expected in (("x", 1000), ("y", 101000), ("host", 1000)):
        more = f"as_seen_by = '{name}'\n"
        result = compiled(text + DATASET.format(owner="1000:1000", more=more))
        assert owner(result) == (expected, expected)
        assert state(result)


def test_privileged_containers_see_the_hosts_ids(compiled: Compile, base: str) -> None:
    profile = PROFILE.replace("host =", "unprivileged = false\nhost =")
    result = compiled(base + profile + PLAIN + DATASET.format(owner="33:33", more=""))
    assert owner(result) == (33, 33)


def test_an_owner_in_a_gap_is_found(compiled: Compile, base: str) -> None:
    written = ["u 0 100000 999", "g 0 100000 65536"]
    text = base.replace('identity = ["1000-65535"]', f"lines = {written}")
    (found,) = compiled(text + MOUNTED + DATASET.format(owner="999:999", more="")).findings
    assert found.text == "owner 999:999 of d on h is not mapped in the container"


def test_directories_have_owners_of_their_own(compiled: Compile, base: str) -> None:
    more = "directories.'a/b' = { owner = '0:1000', mode = '2750' }\n"
    mounted = CONTAINER + "mounts.'/mnt/e' = { dataset = 'd', directory = 'e' }\n"
    result = compiled(base + mounted + DATASET.format(owner="1000:1000", more=more))
    (dataset,) = [each for each in state(result).datasets if each.logical == "d"]
    first, second = dataset.directories
    assert (first.path, first.access.uid, first.access.gid) == ("a/b", 100000, 1000)
    assert first.access.mode == 0o2750
    # A directory that a container mounts must exist, with the owner of its dataset.
    assert (second.path, second.access.uid, second.access.mode) == ("e", 1000, None)
