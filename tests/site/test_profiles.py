"""Profiles: what wins, how tables merge, and where each value is said to be written."""

from collections.abc import Callable

from offctl_cli.site import model
from offctl_cli.site.compiler import Compiled
from offctl_cli.site.kinds import Default

Read = Callable[[str], model.Site]
Compile = Callable[[str], Compiled]

TEXT = """\
[site]
name = "s"
[hosts.h]
bridges.internal = "vmbr1"
storage.fast = "tank/pve"
[profiles.low]
host = "h"
cores = 1
memory = 512
swap = 0
tags = ["low"]
rootfs = { storage = "fast", size = "8G" }
networks.eth0 = { role = "internal", mtu = 1400 }
[profiles.high]
use = "low"
cores = 8
tags = ["high", "fast"]
features.nesting = true
[containers.x]
id = 100
use = "high"
memory = 2048
networks.eth0.mtu = 9000
networks.eth0.hwaddr = "62:79:6b:52:14:a3"
features.keyctl = true
swap = "default"
"""


def line(site: model.Site, *path: str | int) -> int:
    return site.place(("containers", "x", *path)).line


def test_what_is_written_wins_over_the_profile_and_that_over_its_own(read: Read) -> None:
    container = read(TEXT).containers["x"]
    assert (container.cores, container.memory) == (8, 2048)
    assert container.swap is Default.DEFAULT
    assert container.host == "h"


def test_tables_merge_and_lists_do_not(read: Read) -> None:
    container = read(TEXT).containers["x"]
    assert container.tags == ("high", "fast")
    network = container.networks["eth0"]
    assert (network.role, network.mtu, network.hwaddr) == ("internal", 9000, "62:79:6b:52:14:a3")


def test_each_value_is_where_it_is_written(read: Read) -> None:
    site = read(TEXT)
    assert site.findings == ()
    assert line(site) == 19
    assert line(site, "cores") == 16
    assert line(site, "host") == 7
    assert line(site, "memory") == 22
    assert line(site, "networks", "eth0", "mtu") == 23
    assert line(site, "networks", "eth0", "role") == 13
    assert line(site, "features", "nesting") == 18
    assert line(site, "features", "keyctl") == 25
    assert line(site, "tags", 1) == 17
    assert line(site, "rootfs", "size") == 12


def test_what_nobody_wrote_is_at_the_nearest_table(read: Read) -> None:
    site = read(TEXT)
    assert line(site, "protection") == 19
    assert line(site, "networks", "eth0", "tag") == line(site, "networks", "eth0")
    assert site.place(("routes", "r")) == site.whole


def test_an_error_in_a_profile_is_said_once_at_the_profile(read: Read) -> None:
    text = TEXT.replace("cores = 8", 'cores = "8"\nmnt = 1')
    text += "[containers.y]\nid = 101\nuse = 'high'\n"
    found = [(each.line, each.text) for each in read(text).findings]
    assert found == [
        (16, 'profiles.high.cores must be a whole number from 1 to 8192, not "8"'),
        (17, "unknown key 'mnt' in profiles.high"),
    ]


def test_the_three_written_states(compiled: Compile) -> None:
    (container,) = compiled(TEXT).states[0].containers
    options = dict(container.options)
    assert options["memory"] == "2048"
    assert container.defaults == ("swap",)
    assert "protection" not in options
    assert container.idmap is None


def test_several_profiles_later_wins(read: Read) -> None:
    text = TEXT.replace('use = "high"', 'use = ["high", "last"]')
    site = read(text + "[profiles.last]\ncores = 2\n")
    assert site.containers["x"].cores == 2
    assert line(site, "cores") == 28


def test_a_profile_may_hold_a_mount_for_many(compiled: Compile) -> None:
    text = TEXT.replace("swap = 0", "swap = 0\nmounts.'/mnt/d' = 'd'")
    result = compiled(text + "[datasets.d]\nplace.h = 'tank/d'\n")
    (container,) = result.states[0].containers
    assert [mount.target for mount in container.mounts] == ["/mnt/d"]
    assert result.origins["h", "mount", "100:/mnt/d"].line == 11


def test_chains_of_profiles_are_bounded(read: Read) -> None:
    chain = "".join(f"[profiles.p{n}]\nuse = 'p{n + 1}'\n" for n in range(2000))
    text = TEXT.replace('use = "high"', 'use = ["high", "p0"]') + chain + "[profiles.p2000]\n"
    (found,) = read(text).findings
    assert found.code == "profile-circle"
    assert "through more than 16 other profiles" in found.text
