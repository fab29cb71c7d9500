"""What only a real kernel can show: every property, mount options, what hides what."""

from collections.abc import Iterator
import os
from pathlib import Path

import pytest

from integration.inside import pools
from integration.inside.pools import POOL, shell
from offctl.desired import properties
from offctl.desired.model import Access, DesiredState, Mode
from offctl.errors import HostError
from offctl.observed import ObservedDataset, Property, Unknown
from offctl.planner import actions as act
from offctl_agent.proxmox.zfs import USED, Zfs
from planner import case

NOTHING = DesiredState("test", "off2", Mode.ENFORCE)
# Room for all of them at once in the pool; the same for all four of one dataset.
SIZES = ("1M", "1.5M", "none", "0", "2097152")
# Set on a file system that exists they unmount it, or nothing.
UNSETTABLE = properties.CREATION_ONLY | {"mountpoint", "zoned", "canmount"}
WORDS = {
    "compression": tuple(
        "on off lz4 zstd zstd-1 zstd-19 zstd-fast zstd-fast-10 zstd-fast-1000 gzip gzip-6 gzip-9"
        " zle lzjb".split()
    ),
    "filesystem_limit": ("none", "0", "1000"),
    "snapshot_limit": ("none", "0", "1000"),
    "mountpoint": ("none", "legacy", "/srv/off/elsewhere"),
    "recordsize": ("512", "128K", "1M"),
    "sharenfs": ("off",),
    "special_small_blocks": ("0", "512", "128K"),
    "dedup": ("on", "off", "verify", "sha256", "sha256,verify", "skein,verify", "edonr,verify"),
    "sharesmb": ("off",),
} | dict.fromkeys(("quota", "refquota", "reservation", "refreservation"), SIZES)
USER = ("a b, c=d", "tab\there", "x" * 8000, "-", "on", "local", "inherited from tank")


VERSION = Path("/sys/module/zfs/version").read_text()
# What came with OpenZFS 2.2.
LACKED = {"blake3"} if VERSION.startswith(("2.0", "2.1")) else set()


def values(name: str) -> tuple[str, ...]:
    words = WORDS.get(name) or properties.expected(name).removeprefix("one of ").split(", ")
    return tuple(word for word in words if word not in LACKED)


# Asked of one row together, `zfs` would refuse the second because of the first.
APART = ("utf8only", "normalization", "zoned")


def rows() -> list[dict[str, str]]:
    """Settings of datasets that between them have every value of every property."""
    known = {name: values(name) for name in sorted(properties.SUPPORTED)}
    # A file system that is mounted is the matter of other tests.
    known["canmount"] = ("off", "noauto")
    together = {name: words for name, words in known.items() if name not in APART}
    made = [
        {name: words[number % len(words)] for name, words in together.items()}
        for number in range(max(map(len, together.values())))
    ]
    return made + [{"canmount": "off", name: word} for name in APART for word in known[name]]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pools.RealRig]:
    with pools.real(tmp_path_factory.mktemp("rig")) as made:
        yield made


def seen(rig: pools.RealRig) -> dict[str, ObservedDataset]:
    found = rig.host.observe(NOTHING).datasets
    assert not isinstance(found, Unknown), found.reason
    return {dataset.name: dataset for dataset in found}


def create(rig: pools.RealRig, name: str, *settings: tuple[str, str], at: str = "") -> str:
    whole = f"{POOL}/{name}"
    rig.host.execute(act.CreateDataset(whole, settings, at or f"/{whole}"))
    return whole


def test_what_is_written_is_read_back_the_same(rig: pools.RealRig) -> None:
    """Every value of every property: at creation, and set afterwards; by both ways of reading."""
    shell("zfs", "create", "-o", "canmount=off", f"{POOL}/each")
    wanted = {f"{POOL}/each/{number}": row for number, row in enumerate(rows())}
    refused = []
    for whole, row in wanted.items():
        try:
            rig.host.execute(act.CreateDataset(whole, tuple(row.items()), f"/{whole}"))
        except HostError as error:
            refused.append(f"{error}: {row}")
    assert refused == []
    _all_there(rig, wanted)
    # One further for each, so that everything is set to what it was not.
    turned = dict(zip(wanted, [*wanted.values()][1:] + [*wanted.values()][:1], strict=True))
    for whole, row in turned.items():
        settable = {k: v for k, v in row.items() if k not in UNSETTABLE and k in wanted[whole]}
        if settable:
            rig.host.execute(act.SetProperties(whole, tuple(settable.items())))
        turned[whole] = wanted[whole] | settable
    _all_there(rig, turned)
    # Every later look would read them all.
    shell("zfs", "destroy", "-r", f"{POOL}/each")


def test_a_value_that_this_zfs_lacks_is_refused_and_nothing_made(rig: pools.RealRig) -> None:
    if not LACKED:
        create(rig, "newer", ("checksum", "blake3"), ("canmount", "off"))
        return
    with pytest.raises(HostError, match="invalid property or property value"):
        create(rig, "newer", ("checksum", "blake3"), ("canmount", "off"))
    assert f"{POOL}/newer" not in seen(rig)


def _all_there(rig: pools.RealRig, wanted: dict[str, dict[str, str]]) -> None:
    found, wrong = seen(rig), []
    kernel = Zfs().read(wanted, sorted(properties.SUPPORTED - properties.CREATION_ONLY))
    for whole, row in wanted.items():
        for name, value in row.items():
            one, other = found[whole].property(name), kernel[whole].get(name)
            if one is None or not _same(name, one.value, value):
                wrong.append(f"{whole}: {name}={value} reads {one}")
            if one != other and name not in properties.CREATION_ONLY:
                wrong.append(f"{whole}: {name}: the two ways differ: {one}, {other}")
    assert wrong == []


def _same(name: str, one: str, other: str) -> bool:
    return properties.normalise(name, one) == properties.normalise(name, other)


@pytest.mark.parametrize("value", USER, ids=range(len(USER)))
def test_user_properties_are_exact(rig: pools.RealRig, value: str) -> None:
    whole = create(rig, f"user{USER.index(value)}", ("canmount", "off"))
    if "\t" not in value:
        rig.host.execute(act.SetProperties(whole, (("org:note", value),)))
    else:
        shell("zfs", "set", f"org:note={value}", whole)
        rig.host.execute(act.SetProperties(whole, (("org:other", "x"), ("org:note", "y"))))
        shell("zfs", "set", f"org:note={value}", whole)
    assert seen(rig)[whole].property("org:note") == Property(value, "local")


def test_line_breaks_deceive_nobody(rig: pools.RealRig) -> None:
    whole = create(rig, "liar", ("canmount", "off"), ("org:note", "first"))
    lie = f"x\n{POOL}/forged\ttype\tfilesystem\t-\n{POOL}/liar\tquota\t1\tlocal"
    shell("zfs", "set", f"org:note={lie}", whole)
    found = seen(rig)
    assert found[whole].property("org:note") == Property(lie, "local")
    assert found[whole].property("quota") == Property("0", "default")
    assert f"{POOL}/forged" not in found
    shell("zfs", "set", "org:note=", whole)


OPTIONS = [
    (),
    ("atime=off",),
    ("relatime=on",),
    ("devices=off", "exec=off", "setuid=off"),
    ("readonly=on",),
    ("xattr=sa", "acltype=posix"),
    ("atime=off", "relatime=on", "exec=off"),
]


@pytest.mark.parametrize("settings", OPTIONS, ids=" ".join)
def test_mounted_with_the_options_that_zfs_gives(
    rig: pools.RealRig, settings: tuple[str, ...]
) -> None:
    number = OPTIONS.index(settings)
    pairs = tuple((s.partition("=")[0], s.partition("=")[2]) for s in settings)
    whole = create(rig, f"options{number}", *pairs)
    assert not [p for p in seen(rig)[whole].properties if p[1].source == "temporary"]
    ours = _options(whole)
    shell("zfs", "unmount", whole)
    shell("zfs", "mount", whole)
    assert _options(whole) == ours


@pytest.mark.parametrize("value", ["off", "on"])
def test_a_mount_option_is_in_effect_whatever_is_set_with_it(
    rig: pools.RealRig, value: str
) -> None:
    """After a boot: `zfs mount -a` gives every option explicitly."""
    other = "on" if value == "off" else "off"
    whole = create(rig, f"atime-{value}", ("atime", other), ("recordsize", "64K"))
    shell("zfs", "unmount", whole)
    shell("zfs", "mount", whole)
    wanted = (("atime", value), ("recordsize", "128K"), ("test:a", "b"))
    rig.host.execute(act.SetProperties(whole, wanted))
    assert ("noatime" in _options(whole)) == (value == "off")
    assert not [p for p in seen(rig)[whole].properties if p[1].source == "temporary"]


def _options(name: str) -> str:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    (line,) = [line for line in lines if f" - zfs {name} " in line]
    words = line.split()
    return f"{words[5]} {words[-1]}"


def test_a_mountpoint_is_reached_through_no_link(rig: pools.RealRig, tmp_path: Path) -> None:
    outer = create(rig, "shared")
    Path(f"/{outer}/inner").symlink_to(tmp_path)
    with pytest.raises(HostError) as caught:
        create(rig, "shared/inner")
    assert caught.value.code == "PREFLIGHT"
    assert "symbolic link" in str(caught.value)
    assert f"{POOL}/shared/inner" not in seen(rig)
    assert not os.path.ismount(tmp_path)


def test_a_dataset_hidden_by_another_is_neither_mounted_nor_touched(rig: pools.RealRig) -> None:
    inner = create(rig, "inner", ("mountpoint", "/srv/off/inner"), at="/srv/off/inner")
    shell("zfs", "create", "-o", "mountpoint=/srv/off", f"{POOL}/late")
    assert seen(rig)[inner].mounted_at == ""
    action = act.SetAccess(inner, "/srv/off/inner", "", Access(mode=0o700))
    with pytest.raises(HostError, match="hidden"):
        rig.host.execute(action)
    with pytest.raises(HostError, match="hidden"):
        rig.host.execute(act.MountDataset(inner, "/srv/off/inner"))
    shell("zfs", "unmount", f"{POOL}/late")
    assert seen(rig)[inner].mounted_at == "/srv/off/inner"
    shell("zfs", "unmount", inner)


def test_nothing_is_exported_that_zfs_would_mount_by_its_path(rig: pools.RealRig) -> None:
    """`zfs set sharenfs=` mounts what it exports and what inherits that, through any link."""
    share = (("sharenfs", "rw=@10.0.0.1/32"),)
    outer, inner = create(rig, "exported"), create(rig, "exported/inner")
    shell("zfs", "unmount", inner)
    for whole in (inner, outer):
        with pytest.raises(HostError, match=f"{inner} is not mounted; exporting it") as caught:
            rig.host.execute(act.SetProperties(whole, share))
        assert caught.value.code == "PREFLIGHT"
    assert seen(rig)[inner].mounted_at == ""
    assert seen(rig)[outer].property("sharenfs") == Property("off", "default")
    rig.host.execute(act.MountDataset(inner, f"/{inner}"))
    rig.host.execute(act.SetProperties(outer, share))
    assert seen(rig)[inner].property("sharenfs") == Property("rw=@10.0.0.1/32", "inherited")
    born = create(rig, "exported/born", *share)
    assert seen(rig)[born].mounted_at == f"/{born}"
    for whole in (outer, born):
        rig.host.execute(act.SetProperties(whole, (("sharenfs", "off"),)))


def test_canmount_alone_mounts_nothing(rig: pools.RealRig) -> None:
    whole = create(rig, "waiting", ("canmount", "noauto"))
    rig.host.execute(act.SetProperties(whole, (("canmount", "on"),)))
    assert seen(rig)[whole].mounted_at == ""
    # An import would mount it now.
    shell("zfs", "destroy", whole)


def test_what_was_made_here_is_marked_and_its_children_are_not(rig: pools.RealRig) -> None:
    whole = create(rig, "marked", ("canmount", "off"))
    shell("zfs", "create", f"{whole}/byhand")
    found = seen(rig)
    assert found[whole].property("org.offctl:name") == Property(whole, "local")
    assert found[f"{whole}/byhand"].property("org.offctl:name") == Property(whole, "inherited")
    shell("zfs", "rename", whole, f"{POOL}/renamed")
    assert seen(rig)[f"{POOL}/renamed"].property("org.offctl:name") == Property(whole, "local")


def test_parents_are_never_made(rig: pools.RealRig) -> None:
    with pytest.raises(HostError, match="parent"):
        create(rig, "nobody/made/this")
    assert f"{POOL}/nobody" not in seen(rig)


def test_two_hundred_marks_in_one_transaction(rig: pools.RealRig) -> None:
    shell("zfs", "create", "-o", "canmount=off", f"{rig.pool}/many")
    names = [f"{rig.pool}/many/{number}" for number in range(20)]
    for name in names:
        Zfs().create(name, (("canmount", "off"),))
    marks = {name: {f"org.offctl:m{n}": str(n) for n in range(10)} for name in names}
    Zfs().mark(marks)
    read = Zfs().read(names, ["org.offctl:m9"])
    assert {read[name]["org.offctl:m9"] for name in names} == {Property("9", "local")}
    with pytest.raises(HostError, match="gone"):
        Zfs().mark({names[0]: {"org.offctl:n": "1"}, f"{rig.pool}/gone": {"org.offctl:n": "1"}})
    assert Zfs().read(names[:1], ["org.offctl:n"])[names[0]] == {}


def test_what_this_library_supports() -> None:
    assert Zfs().supported() == dict.fromkeys(USED, True)


def test_a_look_starts_one_program_for_a_pool_and_leaves_no_line_in_its_history(
    rig: pools.RealRig,
) -> None:
    create(rig, "looked")
    first, _ = seen(rig), rig.started()
    before = shell("zpool", "history", "-i", POOL)
    second = seen(rig)
    assert rig.started() == ["zfs"]
    assert second == first
    assert shell("zpool", "history", "-i", POOL) == before


def test_a_read_only_pool_is_seen_though_it_takes_no_channel_program(tmp_path: Path) -> None:
    """Near the end: it imports the pool anew, which an agent must look at before it acts."""
    with pools.real(tmp_path) as rig:
        whole = create(rig, "kept")
        rig.damage("pool_readonly", POOL)
        desired = case.desired(f'dataset = [{{ name = "{whole}" }}]')
        found = rig.host.observe(desired)
        assert isinstance(found.datasets, tuple)
        assert whole in {dataset.name for dataset in found.datasets}
        assert found.pools == ()
        assert dict(found.unready) == {POOL: f"pool {POOL} is imported read-only"}


def test_an_exchanged_pool_is_not_changed(tmp_path: Path) -> None:
    """The last one: it takes the pool away from under the agent."""
    with pools.real(tmp_path) as rig:
        name = create(rig, "off")
        seen(rig)
        shell("zpool", "destroy", "-f", POOL)
        shell("zpool", "create", "-f", POOL, pools.DISK)
        shell("zfs", "create", name)
        for action in (
            act.SetProperties(name, (("atime", "off"),)),
            act.CreateDataset(f"{POOL}/new", (), f"/{POOL}/new"),
        ):
            with pytest.raises(HostError, match="not the pool that was looked at"):
                rig.host.execute(action)
