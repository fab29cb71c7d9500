"""The organisation's production as a site: no findings, and the mounts that are really there."""

from pathlib import Path
import re
import time

import pytest

from offctl.desired import bundle, tunnelplaces
from offctl.desired.model import BindMount, Container, DesiredState, VolumeMount
from offctl_cli.site import load
from offctl_cli.site.compiler import Compiled

EXAMPLE = Path(__file__).parents[2] / "examples" / "openfoodfacts"
MOUNTS = Path(__file__).parent / "data" / "mounts.txt"
HOSTS = ("off1", "off2", "ovh1")


@pytest.fixture(scope="module")
def example() -> Compiled:
    return load.compile_site(EXAMPLE)


def state(example: Compiled, host: str) -> DesiredState:
    found = example.state(host)
    assert found is not None
    return found


def containers(example: Compiled, host: str) -> dict[int, Container]:
    return {each.id: each for each in state(example, host).containers}


def test_nothing_is_found(example: Compiled) -> None:
    assert [str(each) for each in example.findings] == []


def expected_mounts() -> dict[int, set[tuple[str, str, str]]]:
    expected: dict[int, set[tuple[str, str, str]]] = {}
    for line in MOUNTS.read_text().splitlines():
        if line and not line.startswith("#"):
            container, source, target, options = line.split(" ")
            expected.setdefault(int(container), set()).add((source, target, options))
    return expected


def as_written(container: Container) -> set[tuple[str, str, str]]:
    """Mounts as the lines of the real host write them.

    A volume that is not pinned gets the lowest free number on its storage, so disk 0 here.
    """
    lines = set()
    for mount in container.mounts:
        if mount.target == tunnelplaces.INSIDE:
            continue  # ours; people have these files in the container itself
        options = dict(mount.options)
        if isinstance(mount, BindMount):
            source = mount.source
        else:
            source = f"{mount.storage}:{mount.volume or f'subvol-{container.id}-disk-0'}"
            options["size"] = mount.size
        text = ",".join(f"{name}={value}" for name, value in sorted(options.items()))
        lines.add((source, mount.target, text or "-"))
    return lines


def test_the_expected_table_is_whole() -> None:
    expected = expected_mounts()
    counts = {container: len(lines) for container, lines in expected.items()}
    assert counts == {101: 1, 110: 12, 111: 12, 112: 12, 113: 16, 114: 11, 120: 1}


@pytest.mark.parametrize("container", [101, 110, 111, 112, 113, 114, 120])
def test_mounts_are_those_of_the_real_host(example: Compiled, container: int) -> None:
    assert as_written(containers(example, "off2")[container]) == expected_mounts()[container]


@pytest.mark.parametrize(
    ("new", "old", "flavor"), [(116, 111, "obf"), (117, 112, "opf"), (118, 110, "opff")]
)
def test_new_code_also_has_the_organisations(
    example: Compiled, new: int, old: int, flavor: str
) -> None:
    here = containers(example, "off2")
    orgs = ("/zfs-hdd/off/orgs", f"/mnt/{flavor}/orgs", "-")
    assert as_written(here[new]) == as_written(here[old]) | {orgs}


def test_parents_are_mounted_before_their_children(example: Compiled) -> None:
    for host in HOSTS:
        for container in state(example, host).containers:
            targets = [mount.target for mount in container.mounts]
            for index, target in enumerate(targets):
                later = targets[index + 1 :]
                assert not [parent for parent in later if target.startswith(f"{parent}/")]


def test_which_containers_are_where(example: Compiled) -> None:
    assert [each.host for each in example.states] == list(HOSTS)
    assert sorted(containers(example, "off2")) == [
        *(101, 103, 110, 111, 112, 113, 114, 116, 117, 118, 120, 121, 122)
    ]
    assert sorted(containers(example, "off1")) == [102]
    assert sorted(containers(example, "ovh1")) == [101, 113]


def test_one_dataset_has_another_name_on_each_host(example: Compiled) -> None:
    def name(host: str, logical: str) -> tuple[str, str]:
        found = [each for each in state(example, host).datasets if each.logical == logical]
        return found[0].name, found[0].replica_of

    assert name("off2", "off/products") == ("zfs-nvme/off/products", "")
    assert name("off1", "off/products") == ("zfs-hdd/off-nvme/products", "off2")
    assert name("off1", "opff/images") == ("zfs-hdd/opff/images", "off2")


def test_replicas_carry_nothing_that_could_be_set(example: Compiled) -> None:
    replicas = [each for each in state(example, "off1").datasets if each.replica_of]
    assert len(replicas) == 32
    for replica in replicas:
        assert not replica.properties
        assert not replica.inherit
        assert not replica.directories
        assert replica.access.uid is None


def test_the_parents_of_replicas_are_received_too(example: Compiled) -> None:
    off1 = {each.name: each.replica_of for each in state(example, "off1").datasets}
    assert off1["zfs-hdd/off-nvme"] == "off2"
    assert (off1["zfs-hdd/pve"], off1["zfs-nvme/pve"]) == ("", "")


def test_owners_are_ids_of_the_host(example: Compiled) -> None:
    owners = {
        each.logical: (each.access.uid, each.access.gid) for each in state(example, "off2").datasets
    }
    assert owners["off/users"] == (1000, 1000)
    assert owners["off-pro/sftp"] == (100000, 100000)
    assert owners["logs-nginx"] == (33, 33)


def test_id_maps_leave_no_id_out(example: Compiled) -> None:
    with_map = [each for each in containers(example, "off2").values() if each.idmap]
    assert [each.id for each in with_map] == [101, 110, 111, 112, 113, 114, 116, 117, 118]
    for container in with_map:
        lines = [f"{r.kind} {r.inside} {r.outside} {r.count}" for r in container.idmap or ()]
        assert lines == ["u 0 100000 1000", "g 0 100000 1000", "u 1000 1000 64536",
                         "g 1000 1000 64536"]  # fmt: skip
    granted = [(each.kind, each.start, each.count) for each in state(example, "off2").subids]
    assert granted == [("u", 1000, 64536), ("u", 100000, 65536), ("g", 1000, 64536),
                       ("g", 100000, 65536)]  # fmt: skip


def test_every_production_container_is_protected_and_starts_at_boot(example: Compiled) -> None:
    for host in HOSTS:
        for container in state(example, host).containers:
            assert {("protection", "1"), ("onboot", "1"), ("swap", "0")} <= set(container.options)


def test_the_proxy_has_one_gateway_on_the_public_side(example: Compiled) -> None:
    internal, public = containers(example, "off2")[101].networks
    assert (internal.index, internal.name, internal.bridge) == (0, "eth0", "vmbr1")
    assert internal.hwaddr == "82:B8:56:FD:98:6E"
    assert dict(internal.options) == {"firewall": "1", "ip": "10.1.0.101/24"}
    assert (public.index, public.name, public.bridge) == (1, "net1", "vmbr0")
    assert dict(public.options) == {
        "firewall": "1",
        "gw": "213.36.253.222",
        "ip": "213.36.253.214/27",
    }


def test_bridges_have_their_meaning_from_the_host(example: Compiled) -> None:
    assert [each.bridge for each in containers(example, "ovh1")[101].networks] == ["vmbr0", "vmbr1"]


def test_database_volumes(example: Compiled) -> None:
    (mongo,) = containers(example, "off1")[102].mounts
    assert mongo == VolumeMount("/mongo", "zfs-nvme", "96G", options=(("mountoptions", "noatime"),))


# host, tunnel, role, container, section, accept, connect, identity, peer, key file
LINKS = """
ovh1 mongodb-ovh client 113 MongoDB 10.1.0.113:27017 proxy2.openfoodfacts.org:27017 ovh1-mongodb-g1 off2 -
off2 mongodb-ovh server 101 MongoDB 27017 10.1.0.102:27017 ovh1-mongodb-g1 ovh1 -
ovh1 redis-ovh client 113 OffRedis 10.1.0.113:6379 proxy2.openfoodfacts.org:6379 ovh1-offredis-g1 off2 -
off2 redis-ovh server 101 OffRedis 6379 10.1.0.122:6379 ovh1-offredis-g1 ovh1 -
off2 mongodb-moji server 101 MongoDB 27017 10.1.0.102:27017 moji-mongodb-g1 moji /etc/offctl/psk/mongodb-moji
off2 redis-moji server 101 OffRedis 6379 10.1.0.122:6379 moji-offredis-g1 moji /etc/offctl/psk/redis-moji
ovh1 influxdb-moji server 101 InfluxDB 0.0.0.0:8087 10.1.0.201:8087 moji-influxdb-g1 moji /etc/offctl/psk/influxdb-moji
ovh1 robotoff client 101 Robotoff 127.0.0.1:16000 2a06:c484:5::102:16000 ovh1-robotoff-g1 moji /etc/offctl/psk/robotoff
off2 off-query client 103 off-query 10.1.0.103:16001 2a06:c484:5::102:16001 moji-off-query moji /etc/offctl/psk/off-query
"""  # noqa: E501 - a table


def test_both_ends_of_the_seven_links(example: Compiled) -> None:
    ends = {
        " ".join(
            [
                *(each.host, end.name, end.role, str(end.container), end.section, end.accept),
                *(end.connect, end.identity, end.peer_host, end.psk_file or "-"),
            ]
        )
        for each in example.states
        for end in each.tunnels
    }
    assert ends == set(LINKS.strip().splitlines())
    assert len({line.split()[1] for line in ends}) == 7


def test_no_identity_of_a_tunnel_serves_two(example: Compiled) -> None:
    pairs = {(end.identity, end.name) for each in example.states for end in each.tunnels}
    assert len(pairs) == len({identity for identity, _ in pairs})


@pytest.mark.parametrize("host", HOSTS)
def test_bundles_are_stable_and_read_back_equal(example: Compiled, host: str) -> None:
    content = bundle.dump(state(example, host))
    assert bundle.parse(content) == state(example, host)
    again = load.compile_site(EXAMPLE)
    assert bundle.dump(state(again, host)) == content


def test_every_resource_has_a_place(example: Compiled) -> None:
    for each in example.states:
        for container in each.containers:
            for mount in container.mounts:
                place = example.origins[each.host, "mount", f"{container.id}:{mount.target}"]
                assert place.line > 0
        for dataset in each.datasets:
            assert example.origins[each.host, "dataset", dataset.name].line > 0


def test_a_mount_by_rule_comes_from_the_stanza_that_gives_it(example: Compiled) -> None:
    place = example.origins["off2", "mount", "113:/mnt/opff/products"]
    assert place.file == str(EXAMPLE / "applications.toml")
    assert (EXAMPLE / "applications.toml").read_text().splitlines()[place.line - 1] == (
        "[flavors.opff]"
    )


def test_containers_with_stunnel_see_their_files_and_cannot_write_them(example: Compiled) -> None:
    found = {
        (each.host, container.id): (mount.source, dict(mount.options))
        for each in example.states
        for container in each.containers
        for mount in container.mounts
        if isinstance(mount, BindMount) and mount.target == tunnelplaces.INSIDE
    }
    assert found == {
        place: (f"/var/lib/offctl/tunnels/{place[1]}", {"ro": "1"})
        for place in (("off2", 101), ("off2", 103), ("ovh1", 101), ("ovh1", 113))
    }


def test_no_mount_line_is_copied() -> None:
    text = "\n".join(path.read_text() for path in EXAMPLE.rglob("*.toml"))
    # sftp in the proxy and in off-pro; the three old containers that know no organisations
    assert len(re.findall(r'^mounts\."', text, re.MULTILINE)) == 2
    assert text.count('"/mnt/') == 5


def test_compiling_is_quick() -> None:
    def seconds() -> float:
        start = time.process_time()
        load.compile_site(EXAMPLE)
        return time.process_time() - start

    assert min(seconds() for _ in range(3)) < 0.3
