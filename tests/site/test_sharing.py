"""The sharing rules: adding a flavor is one stanza, and what is irregular stands beside it."""

from collections.abc import Callable

from offctl.desired.model import BindMount, Container
from offctl_cli.site.compiler import Compiled

Compile = Callable[[str], Compiled]

TWO = """\
[flavors.off]
place.h = "tank/off"
extra = ["logs"]
shared = ["users", "orgs"]
container = { use = "po", id = 113 }
[flavors.obf]
place.h = "tank/obf"
container = { use = "po", id = 111 }
"""
THIRD = """\
[flavors.odf]
place.h = "tank/odf"
container = { use = "po", id = 119 }
"""
PRODUCERS = """\
[applications.off-pro]
flavor = "off"
kind = "producers"
place.h = "tank/off-pro"
[containers.off-pro]
use = "po"
id = 114
application = "off-pro"
"""


def mounts(result: Compiled, name: str) -> dict[str, str]:
    assert [str(each) for each in result.findings] == []
    found = container(result, name).mounts
    return {each.target: each.source for each in found if isinstance(each, BindMount)}


def container(result: Compiled, name: str) -> Container:
    (found,) = [each for each in result.states[0].containers if each.name == name]
    return found


def datasets(result: Compiled) -> set[str]:
    return {each.logical for each in result.states[0].datasets}


def test_a_flavor_sees_its_own_the_shared_and_the_others(compiled: Compile, base: str) -> None:
    assert mounts(compiled(base + TWO), "obf") == {
        "/mnt/obf": "/tank/obf",
        "/mnt/obf/cache": "/tank/obf/cache",
        "/mnt/obf/html_data": "/tank/obf/html_data",
        "/mnt/obf/images": "/tank/obf/images",
        "/mnt/obf/orgs": "/tank/off/orgs",
        "/mnt/obf/products": "/tank/obf/products",
        "/mnt/obf/users": "/tank/off/users",
        "/mnt/off/images": "/tank/off/images",
        "/mnt/off/products": "/tank/off/products",
    }


def test_adding_a_flavor_is_one_stanza(compiled: Compile, base: str) -> None:
    before, after = compiled(base + TWO), compiled(base + TWO + THIRD)
    assert datasets(after) - datasets(before) == {
        *("odf", "odf/cache", "odf/html_data", "odf/images", "odf/products")
    }
    assert len(mounts(after, "odf")) == 11
    added = {"/mnt/odf/images": "/tank/odf/images", "/mnt/odf/products": "/tank/odf/products"}
    for name in ("off", "obf"):
        assert mounts(after, name) == {**mounts(before, name), **added}
    assert container(after, "odf").id == 119
    assert after.origins["h", "container", "119"].line == base.count("\n") + 11


def test_producers_and_their_flavor_see_each_other(compiled: Compile, base: str) -> None:
    result = compiled(base + TWO + PRODUCERS)
    platform = mounts(result, "off-pro")
    assert platform["/mnt/off-pro/data"] == "/tank/off/data"
    assert platform["/mnt/off-pro/users"] == "/tank/off/users"
    assert platform["/mnt/off/products"] == "/tank/off/products"
    assert "/mnt/off/images" not in platform
    assert not [target for target in platform if target.startswith("/mnt/obf")]
    flavor = mounts(result, "off")
    assert flavor["/mnt/off-pro/images"] == "/tank/off-pro/images"
    assert flavor["/mnt/off-pro/cache/export_files"] == "/tank/off-pro/cache/export_files"
    assert "/mnt/off-pro/images" not in mounts(result, "obf")


def test_a_written_dataset_adds_to_the_implied_one(compiled: Compile, base: str) -> None:
    text = base + TWO + '[datasets."off/products"]\nplace.h = "tank/fast/products"\n'
    text += 'properties.recordsize = "16K"\n'
    result = compiled(text)
    assert mounts(result, "obf")["/mnt/off/products"] == "/tank/fast/products"
    (products,) = [d for d in result.states[0].datasets if d.logical == "off/products"]
    assert products.properties == (("atime", "off"), ("recordsize", "16K"))
    assert products.access.uid == 1000
    assert result.origins["h", "dataset", "tank/fast/products"].line == base.count("\n") + 10


def test_parents_that_nobody_wrote_are_made_first(compiled: Compile, base: str) -> None:
    text = base + TWO + '[datasets."off/products"]\nplace.h = "tank/a/b/products"\n'
    names = [each.name for each in compiled(text).states[0].datasets]
    assert names.index("tank/a") < names.index("tank/a/b") < names.index("tank/a/b/products")
    assert "tank" not in names


def test_inherit_is_told_apart_from_a_value(compiled: Compile, base: str) -> None:
    text = base + TWO + "[datasets.obf]\nproperties = { atime = 'inherit', sync = 'always' }\n"
    (obf,) = [d for d in compiled(text).states[0].datasets if d.logical == "obf"]
    assert (obf.properties, obf.inherit) == ((("sync", "always"),), ("atime",))


def test_mountpoints_follow_from_their_parents(compiled: Compile, base: str) -> None:
    text = base + TWO + "[datasets.off]\nproperties.mountpoint = '/srv/data'\n"
    result = compiled(text)
    assert mounts(result, "off")["/mnt/off"] == "/srv/data"
    assert mounts(result, "obf")["/mnt/off/products"] == "/srv/data/products"
    assert mounts(result, "obf")["/mnt/obf"] == "/tank/obf"


def test_a_written_mount_replaces_the_rules(compiled: Compile, base: str) -> None:
    text = base + TWO + "[applications.obf]\nflavor = 'obf'\n"
    text += "mounts = { '/mnt/obf/users/' = { dataset = 'obf', directory = 'people' } }\n"
    text += "without_mounts = ['/mnt/off/images']\n"
    before, after = mounts(compiled(base + TWO), "obf"), mounts(compiled(text), "obf")
    assert after["/mnt/obf/users"] == "/tank/obf/people"
    assert set(before) - set(after) == {"/mnt/off/images"}


def test_a_rule_that_cannot_be_followed_is_said_at_the_container(
    compiled: Compile, base: str
) -> None:
    text = base.replace("[profiles.po]", "[hosts.g]\n[profiles.po]") + TWO
    text += '[datasets."off/users"]\nplace.g = "tank/off/users"\n'
    assert compiled(text).findings == ()  # it has a place on both
    text = text.replace('shared = ["users", "orgs"]', 'shared = ["orgs"]')
    text += "[containers.x]\nuse = 'po'\nid = 120\napplication = 'obf'\n"
    text += "mounts.'/mnt/people' = 'off/users'\n"
    (found,) = compiled(text).findings
    assert found.text == "dataset off/users for /mnt/people is not on h but on g"
    lone = base.replace("[profiles.po]", "[hosts.g]\n[profiles.po]") + TWO
    lone = lone.replace('place.h = "tank/obf"', 'place.g = "tank/obf"')
    lone += "[containers.x]\nuse = 'po'\nid = 120\n\napplication = 'obf'\n"
    lines = {each.line for each in compiled(lone).findings if each.code == "dataset-elsewhere"}
    assert lone.count("\n") in lines


def test_mount_options(compiled: Compile, base: str) -> None:
    text = base + TWO + "[containers.x]\nuse = 'po'\nid = 120\n[containers.x.mounts.'/d']\n"
    text += "dataset = 'off'\nread_only = true\nshared = true\n"
    text += "mountoptions = ['nosuid', 'nodev']\n"
    (mount,) = container(compiled(text), "x").mounts
    assert mount.options == (("mountoptions", "nodev;nosuid"), ("ro", "1"), ("shared", "1"))


OPTIONS = """\
[containers.x]
use = "po"
id = 120
cmode = "shell"
console = false
cpulimit = 2.5
description = "two\\nlines\\n"
devices = ["/dev/fuse", { path = "/dev/dri/card0", gid = 44, mode = "0660", deny_write = true }]
features = { nesting = true, keyctl = true, fuse = false, mount = ["nfs", "cifs"] }
nameserver = ["1.1.1.1", "2606:4700::1111"]
onboot = true
searchdomain = "example.org"
startup = { order = 2, down = 60 }
tags = ["web", "a"]
timezone = "Europe/Paris"
hostname = "default"
swap = 0
"""


def test_options_are_in_pcts_spelling(compiled: Compile, base: str) -> None:
    found = container(compiled(base + OPTIONS), "x")
    assert dict(found.options) == {
        "cmode": "shell",
        "console": "0",
        "cores": "4",
        "cpulimit": "2.5",
        "description": "two\nlines",
        "dev0": "/dev/fuse",
        "dev1": "/dev/dri/card0,deny-write=1,gid=44,mode=0660",
        "features": "keyctl=1,mount=cifs;nfs,nesting=1",
        "memory": "1024",
        "nameserver": "1.1.1.1 2606:4700::1111",
        "onboot": "1",
        "searchdomain": "example.org",
        "startup": "order=2,down=60",
        "swap": "0",
        "tags": "a;web",
        "timezone": "Europe/Paris",
    }
    assert found.defaults == ("hostname",)


def test_an_option_without_content_must_be_absent(compiled: Compile, base: str) -> None:
    text = base + "[containers.x]\nuse = 'po'\nid = 120\nfeatures = { fuse = false }\ntags = []\n"
    found = container(compiled(text), "x")
    assert found.defaults == ("features", "tags")
    assert "features" not in dict(found.options)


NETWORKS = """\
[containers.x]
use = "po"
id = 120
[containers.x.networks]
eth0 = { gateway = "10.0.0.9", firewall = false, tag = 12, rate = 1.50, link_down = false }
wan = { role = "public", ip = "192.0.2.7/24", hwaddr = "62:79:6b:52:14:a3", index = 5 }
lan = { bridge = "vmbr7", ip = "dhcp", ip6 = "auto", mtu = 1400 }
"""


def test_networks(compiled: Compile, base: str) -> None:
    eth0, lan, wan = container(compiled(base + NETWORKS), "x").networks
    assert (eth0.index, lan.index, wan.index) == (0, 1, 5)
    assert dict(eth0.options) == {
        "gw": "10.0.0.9",
        "ip": "10.1.0.120/24",
        "link_down": "0",
        "rate": "1.5",
        "tag": "12",
    }
    assert dict(lan.options) == {"firewall": "1", "ip": "dhcp", "ip6": "auto", "mtu": "1400"}
    assert (wan.bridge, wan.hwaddr) == ("vmbr0", "62:79:6B:52:14:A3")
    assert dict(wan.options) == {"firewall": "1", "gw": "192.0.2.1", "ip": "192.0.2.7/24"}


def test_gateway_none(compiled: Compile, base: str) -> None:
    text = base + "[containers.x]\nuse = 'po'\nid = 120\nnetworks.eth0.gateway = 'none'\n"
    (network,) = container(compiled(text), "x").networks
    assert "gw" not in dict(network.options)
