"""The example's hosts, made by hand, come back as a site that is the example's."""

from pathlib import Path

import click.testing
import pytest

from adopt import example
from adopt.test_nothing_changes import compiled
from offctl import errors
from offctl.desired.model import DesiredState
from offctl.planner import planner
from offctl.planner.ledger import Ledger
from offctl_agent.adopt import adopting, telling
from offctl_cli.commands import adopt
from offctl_cli.site import load, model
from offctl_cli.site.compiler import sharing

NAMES = ("off1", "off2", "ovh1")


def steps(state: DesiredState, live: example.Live) -> list[str]:
    found = planner.plan(state, live.host().observe(state), Ledger())
    return [f"{step.resource.key}: {step.text} {step.reason}" for step in found]


@pytest.mark.parametrize("name", NAMES)
def test_the_text_of_a_host_changes_nothing_on_it(name: str, tmp_path: Path) -> None:
    live = example.live(name, tmp_path)
    state = compiled(live.says(), tmp_path)
    assert steps(state, live) == []
    asked = live.scene.desired
    assert {c.id for c in state.containers} == {c.id for c in asked.containers}
    assert [len(c.mounts) for c in state.containers] == [len(c.mounts) for c in asked.containers]


def merged(texts: dict[str, str], directory: Path, *more: str) -> tuple[click.testing.Result, Path]:
    """What the command says, and where the site is."""
    paths = []
    for name, text in texts.items():
        paths.append(directory / f"{name}.toml")
        paths[-1].write_text(text)
    words = ["merge", *map(str, paths), "--into", str(directory / "merged"), "--name", "off"]
    runner = click.testing.CliRunner()
    done = runner.invoke(adopt.command, [*words, *more])
    return done, directory / "merged"


def folded(lives: list[example.Live], directory: Path) -> tuple[str, model.Site, Path]:
    free = [each.name for each in lives if each.name != "ovh1"]
    clusters = [word for name in free for word in ("--cluster", f"{name}=off-free")]
    done, site = merged({each.name: each.says() for each in lives}, directory, *clusters)
    assert done.exit_code == 0, done.output
    assert not load.compile_site(site).has_errors
    for live in lives:
        state = load.compile_site(site).state(live.name)
        assert state is not None
        assert steps(state, live) == []
    return done.output, load.read_site(site), site


def test_three_hosts_fold_into_a_site_with_the_examples_applications(tmp_path: Path) -> None:
    _, site, _ = folded([example.live(name, tmp_path) for name in NAMES], tmp_path)
    written = load.read_site(example.SITE)
    assert set(site.flavors) == set(written.flavors)
    assert set(site.flavors["off"].shared) == set(written.flavors["off"].shared)
    assert site.applications["off-pro"].flavor == "off"
    runs = {c.id: c.application for c in written.containers.values() if c.host == "off2"}
    assert {c.id: c.application for c in site.containers.values() if c.host == "off2"} == runs
    assert site.containers["obf"].without_mounts == ("/mnt/obf/orgs",)
    assert {"container", "product-opener"} == set(site.profiles)
    # One name on two hosts of two clusters.
    assert {c.hostname for n, c in site.containers.items() if "stunnel" in n} == {
        *(None, "stunnel-client")
    }


def test_the_one_container_without_protection_is_told(tmp_path: Path) -> None:
    live = example.live("off2", tmp_path)
    live.scene.by_hand("pct", "set", "113", "--delete", "protection")
    said, site, where = folded([live], tmp_path)
    wanted = 'protection is "default"; 12 of 13 have true (container)'
    assert f"- container off: {wanted}" in said
    assert f"# {wanted}" in (where / "containers/off2.toml").read_text()
    assert site.profiles["container"].protection is True


def test_a_mount_that_is_missing_or_another_is_told(tmp_path: Path) -> None:
    live = example.live("off2", tmp_path)
    lines = live.scene.configuration(114).splitlines()
    gone = next(line for line in lines if "mp=/mnt/off-pro/html_data" in line)
    live.scene.by_hand("pct", "stop", "114")
    live.scene.by_hand("pct", "set", "114", "--protection", "0")
    live.scene.by_hand("pct", "set", "114", "--delete", gone.partition(":")[0])
    live.scene.by_hand("pct", "set", "114", "--protection", "1")
    said, site, _ = folded([live], tmp_path)
    assert "container off-pro: off-pro without /mnt/off-pro/html_data" in said
    assert site.containers["off-pro"].run.value == "stopped"


def test_tunnels_whose_two_ends_are_found_are_declared_once(tmp_path: Path) -> None:
    ovh1, off2 = example.live("ovh1", tmp_path), example.live("off2", tmp_path)
    ovh1.stunnel(113, example.REDIS)
    off2.stunnel(101, example.SERVED)
    assert example.SECRET not in ovh1.says() + off2.says()
    _, site, site_of = folded([ovh1, off2], tmp_path)
    (tunnel,) = site.tunnels.values()
    assert (tunnel.service, tunnel.psk) == ("OffRedis", "keep")
    assert tunnel.client.container == "ovh1-stunnel-client"
    assert (tunnel.server.container, tunnel.server.accept) == ("proxy", "6379")
    assert tunnel.server.address == "proxy2.openfoodfacts.org:6379"
    assert tunnel.target == "10.1.0.122:6379"
    written = (site_of / "tunnels.toml").read_text()
    assert "# taken to arrive there by name and port alone: check" in written


CLIENT = """
[tunnels.c]
service = "Redis"
from = {{ {0}, accept = "10.1.0.1:6379" }}
to = {{ unmanaged = "far", accept = "6379", address = "{1}:6379" }}
target = "unknown.invalid:6379"
instance = "off"
identity = "c"
psk = "keep"
"""
SERVER = """
[tunnels.s]
service = "Redis"
from = {{ unmanaged = "clients", accept = "127.0.0.1:6379" }}
to = {{ host = "{0}", accept = "{1}", address = "unknown.invalid:6379" }}
target = "127.0.0.1:6380"
instance = "off"
identity = "s"
psk = "keep"
"""


@pytest.mark.parametrize(
    ("to", "accept", "joined", "told"),
    [
        ("198.51.100.1", "198.51.100.1:6379", True, False),
        ("198.51.100.1", "6379", True, True),
        ("198.51.100.1", "0.0.0.0:6379", True, True),
        ("moji.example.org", "198.51.100.1:6379", True, True),
        ("moji.example.org", "6379", True, True),
        ("198.51.100.2", "198.51.100.1:6379", False, False),
        ("198.51.100.1", "127.0.0.1:6379", False, False),
        ("moji.example.org", "127.0.0.1:6379", False, False),
        ("127.0.0.1", "6379", False, False),
    ],
)
def test_only_ends_that_fit_are_joined(
    to: str, accept: str, joined: bool, told: bool, tmp_path: Path
) -> None:
    other = ONE.replace('"h"', '"i"').replace("hosts.h", "hosts.i")
    texts = {"a": ONE + CLIENT.format('host = "h"', to), "b": other + SERVER.format("i", accept)}
    done, site = merged(texts, tmp_path)
    tunnels = load.read_site(site).tunnels
    assert set(tunnels) == ({"c"} if joined else {"c", "s"}), done.output
    assert (tunnels["c"].server.host == "i") is joined
    remark = "taken to arrive there by name and port alone: check"
    assert (f"# {remark}" in (site / "tunnels.toml").read_text()) is told
    assert (f"tunnel c: {remark}" in done.output) is told


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("10.1.0.113:6379", "0.0.0.0:6379", "everybody can reach [OffRedis] at 0.0.0.0:6379"),
        ("10.1.0.113:6379", "6379", "everybody can reach [OffRedis] at 6379"),
        ("10.1.0.113:6379", "10.1.0.199:6379", "listens at 10.1.0.199"),
        ("PSKsecrets", "#", "has no pre-shared key"),
        ("[OffRedis]", "[off redis]", "a site cannot call it so"),
        ("proxy2.openfoodfacts.org:6379", "[2a06::1]:6379", "the site cannot say where"),
        ("connect", "nonsense", "the site cannot say where"),
    ],
)
def test_a_stunnel_that_cannot_be_kept_is_told(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    live = example.live("ovh1", tmp_path)
    live.stunnel(113, example.REDIS.replace(old, new))
    done = adopting.adopt(live.host(), "ovh1")
    assert done.built.desired.tunnels == ()
    assert any(said in left.reason for left in done.lefts), done.lefts


def test_a_stunnel_that_everybody_can_reach_stays_in_the_plan(tmp_path: Path) -> None:
    live = example.live("ovh1", tmp_path)
    live.stunnel(113, example.REDIS.replace("10.1.0.113:6379", "0.0.0.0:6379"))
    done = adopting.adopt(live.host(), "ovh1")
    assert [step.text for step in done.plan] == ["close"]
    assert any(left.hazard and "everybody" in left.reason for left in done.lefts)


def test_a_tunnel_that_works_no_more_is_told_and_not_kept(tmp_path: Path) -> None:
    live = example.live("ovh1", tmp_path)
    live.stunnel(113, example.REDIS)
    live.scene.faults('tunnels_broken = ["10.1.0.113:6379"]')
    done = adopting.adopt(live.host(), "ovh1")
    assert done.plan.empty
    assert any("closed at once" in left.reason for left in done.lefts if left.hazard)


ONE = '[site]\nname = "h"\n[hosts.h]\npools = ["tank"]\n'


@pytest.mark.parametrize(
    ("texts", "more", "said"),
    [
        ({"a": ONE, "b": ONE}, (), "host h is there already"),
        ({"a": "[site]\nname = 'h'\n"}, (), "it speaks of 0 hosts"),
        ({"a": ONE + "[hosts.i]\n"}, (), "it speaks of 2 hosts"),
        ({"a": ONE + "[profiles.p]\n"}, (), "it has profiles"),
        ({"a": 'include = ["x.toml"]\n' + ONE}, (), "it has include"),
        ({"a": ONE}, ("--cluster", "x=c"), "no text is of that host"),
        ({"a": "[site\n"}, (), "cannot read"),
        ({"a": "hosts = 3\n[site]\nname = 'h'\n"}, (), "hosts must be a table"),
        ({"a": ONE + "[containers.c]\nid = 'x'\n"}, (), "must be a whole number"),
        ({"a": ONE + "[containers.c]\nid = 101\nhost = 'i'\n"}, (), "must have the key 'rootfs'"),
        ({"a": ONE + "[datasets.d]\n"}, (), "dataset d has no place on h"),
        ({"a": ONE + "[datasets.d]\nplace.i = 'tank/d'\n"}, (), "'i'"),
        ({"a": ONE + "[tunnels.t]\nservice = 'x'\n"}, (), "must have the key"),
    ],
)
def test_what_cannot_be_merged_is_refused(
    texts: dict[str, str], more: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done, site = merged(texts, tmp_path, *more)
    assert isinstance(done.exception, errors.AuthorError)
    assert said in str(done.exception)
    assert not site.exists()


def test_a_directory_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "merged").mkdir()
    (tmp_path / "merged/notes.txt").write_text("mine")
    done, site = merged({"a": ONE}, tmp_path)
    assert "it is not empty" in str(done.exception)
    assert [path.name for path in site.iterdir()] == ["notes.txt"]


def test_the_site_cannot_be_written_into_a_file(tmp_path: Path) -> None:
    (tmp_path / "merged").write_text("mine")
    done, site = merged({"a": ONE}, tmp_path)
    assert isinstance(done.exception, SystemExit)
    assert done.exit_code == 2
    assert "is a file" in done.output
    assert site.read_text() == "mine"


def test_a_text_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    live = example.live("off1", tmp_path)
    live.scene.faults("pve_not_mounted = true\n")
    done, site = merged({"off1": live.says()}, tmp_path)
    assert isinstance(done.exception, errors.AuthorError)
    assert "off1.toml: it is not whole" in str(done.exception)
    assert not site.exists()


def test_what_a_text_says_around_its_tables_stands_at_the_head_of_the_host(tmp_path: Path) -> None:
    text = f"# Look at these first:\n# ! one\n\n{ONE}\n# Not taken over, and why:\n# - two\n\n"
    _, site = merged({"a": text}, tmp_path)
    head = (site / "hosts/h.toml").read_text().partition("[hosts.h]")[0]
    said = "# Look at these first:\n# ! one\n#\n# Not taken over, and why:\n# - two\n\n"
    assert head == said


def test_a_dataset_that_no_flavor_can_be_called_by_stays_written_out(tmp_path: Path) -> None:
    parts = ("", *(f"/{part}" for part in sharing.PARTS))
    datasets = "".join(f'[datasets."data/off{p}"]\nplace.h = "tank/data/off{p}"\n' for p in parts)
    mounts = "".join(f'"/mnt/data/off{p}" = "data/off{p}"\n' for p in parts)
    container = '[containers.off]\nid = 101\nhost = "h"\nrootfs = {0}\n[containers.off.mounts]\n'
    root = '{ storage = "s", size = "8G" }'
    storage = 'storage = { s = "tank/pve" }\n[datasets.data]\nplace.h = "tank/data"\n'
    text = ONE + storage + datasets + container.format(root) + mounts
    done, site = merged({"a": text}, tmp_path)
    assert "container off: it looks like one of data/off, and no flavor can be" in done.output
    assert not load.read_site(site).flavors
    assert len(load.read_site(site).containers["off"].mounts) == len(parts)


def test_a_dataset_that_is_owned_otherwise_elsewhere_is_kept_apart(tmp_path: Path) -> None:
    other = ONE.replace('"h"', '"i"').replace("hosts.h", "hosts.i")
    table = '[datasets.d]\nplace.{0} = "tank/d"\nowner = "{1}"\nas_seen_by = "host"\n'
    texts = {"a": ONE + table.format("h", "1:1"), "b": other + table.format("i", "2:2")}
    done, site = merged(texts, tmp_path)
    assert "dataset i/d: apart from d of h: owner is 2:2, not 1:1" in done.output
    assert set(load.read_site(site).datasets) == {"d", "i/d"}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("pve_not_mounted = true\n", "/etc/pve is not mounted"),
        ('zfs_unreadable = "broken"\n', "broken"),
        ('[pools.zfs-nvme]\nstate = "missing"\n', ""),
    ],
)
def test_what_cannot_be_read_is_never_taken_for_absent(
    fault: str, said: str, tmp_path: Path
) -> None:
    live = example.live("off1", tmp_path)
    live.scene.faults(fault)
    done = adopting.adopt(live.host(), "off1")
    assert done.plan.empty
    if said:
        assert telling.status(done) == 2
        assert any(said in left.reason for left in done.lefts if left.unread)
        assert "NOT WHOLE" in telling.text(done)
    else:
        # A pool that is not imported is unseen; its container's root is on no storage here.
        assert any("no ZFS storage of this host" in left.reason for left in done.lefts)


def test_what_may_be_a_copy_of_what_another_host_uses_is_told(tmp_path: Path) -> None:
    lives = [example.live(name, tmp_path) for name in ("off1", "off2")]
    for name in ("off", "off/users"):
        lives[0].scene.by_hand("zfs", "create", f"zfs-hdd/{name}")
    done, site = merged({each.name: each.says() for each in lives}, tmp_path)
    wanted = 'place.off1 = { dataset = "zfs-hdd/off", replica_of = "off2" }'
    assert done.output.count("received there, write") == 1
    assert wanted in done.output
    assert wanted in "".join(path.read_text() for path in site.glob("*.toml"))
