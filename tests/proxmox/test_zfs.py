"""The door to libzfs_core: what is given to the kernel, and what its answers mean."""

import pytest

from fakes.libzfs import FakeLibrary, ZFSError
from offctl.desired import properties
from offctl.errors import HostError, MalformedError
from offctl.observed import Property
from offctl_agent.proxmox import kernelvalues, zfs
from offctl_agent.proxmox.zfs import Zfs


@pytest.fixture
def library() -> FakeLibrary:
    return FakeLibrary(b"tank", b"tank/off")


@pytest.fixture
def door(library: FakeLibrary) -> Zfs:
    return Zfs(lambda: library)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("quota", "64M", 64 << 20),
        ("compress", "lz4", 15),
        ("compression", "gzip-6", 10),
        ("compression", "zstd-3", 16 | 3 << 7),
        ("compression", "zstd-fast", 16 | 103 << 7),
        ("compression", "zstd-fast-10", 16 | 112 << 7),
        ("compression", "zstd-fast-1000", 16 | 123 << 7),
        ("atime", "off", 0),
        ("xattr", "on", 1),
        ("xattr", "sa", 2),
        ("acltype", "posixacl", 1),
        ("dnodesize", "16k", 16384),
        ("dedup", "sha256,verify", 8 | 256),
        ("dedup", "verify", 1 | 256),
        ("normalization", "formD", 16),
        ("special_small_blocks", "0", 0),
        ("mountpoint", "/srv/off", b"/srv/off"),
        ("org:note", "a b, c=d", b"a b, c=d"),
    ],
)
def test_what_the_kernel_is_given(name: str, text: str, value: object) -> None:
    full = properties.ALIASES.get(name, name)
    assert kernelvalues.values(((name, text),)) == {full.encode(): value}


@pytest.mark.parametrize(
    "setting",
    [("quota", "none"), ("quota", "0"), ("snapshot_limit", "none"), ("sharenfs", "on")],
)
def test_what_is_left_out(setting: tuple[str, str]) -> None:
    assert kernelvalues.values((setting,)) == {}


@pytest.mark.parametrize("name", sorted(properties.SUPPORTED - properties.EXPORTS))
def test_every_word_of_every_property_has_a_value(name: str) -> None:
    words = properties.expected(name).removeprefix("one of ").split(", ")
    for word in words:
        try:
            normal = properties.normalise(name, word)
        except MalformedError:
            continue
        found = kernelvalues.values(((name, word),))
        assert found or normal == "none"


@pytest.mark.parametrize(
    "setting",
    [("bogus", "1"), ("quota", "lots"), ("compression", "zip"), ("org.offctl:name", "x")],
)
def test_what_no_kernel_is_given(door: Zfs, setting: tuple[str, str]) -> None:
    with pytest.raises(HostError, match="cannot create dataset tank/new"):
        door.create("tank/new", (setting,))
    assert not door.exists("tank/new")


def test_created_with_everything_at_once(door: Zfs, library: FakeLibrary) -> None:
    door.create("tank/new", (("atime", "off"), ("quota", "1G")), "org.offctl:name")
    assert library.datasets[b"tank/new"] == {
        b"atime": (0, b"tank/new"),
        b"quota": (1 << 30, b"tank/new"),
        b"org.offctl:name": (b"tank/new", b"tank/new"),
    }


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("tank/off", "CONFLICT", "dataset already exists (error 17)"),
        ("tank/a/b", "FAILED", "parent not found (error 2)"),
    ],
)
def test_what_cannot_be_created(door: Zfs, name: str, code: str, said: str) -> None:
    with pytest.raises(HostError) as caught:
        door.create(name, ())
    assert caught.value.code == code
    assert str(caught.value) == f"cannot create dataset {name}: {said}"


@pytest.mark.parametrize(
    "name", ["", "tank/a@b", "tank/a#b", "tank/a\0b", "tank/a\n", "tank/é", "t" * 256, "tank/%"]
)
def test_what_is_no_name_never_reaches_the_library(door: Zfs, name: str) -> None:
    for ask in (
        lambda: door.exists(name),
        lambda: door.create(name, ()),
        lambda: door.read([name], ["atime"]),
        lambda: door.mark({name: {"a:b": "c"}}),
    ):
        with pytest.raises(HostError, match="no dataset's name"):
            ask()


@pytest.mark.parametrize(
    ("key", "stored", "found"),
    [
        ("atime", (b"on", b"default"), Property("on", "default")),
        ("atime", (b"off", b"tank/off"), Property("off", "local")),
        ("atime", (b"off", b"tank"), Property("off", "inherited")),
        ("atime", (b"off", b"$recvd"), Property("off", "received")),
        ("readonly", (b"on", b"temporary"), Property("on", "temporary")),
        ("type", (b"filesystem", None), Property("filesystem", "none")),
        ("quota", (0, b"tank/off"), Property("0", "default")),
        ("quota", (4096, b"tank/off"), Property("4096", "local")),
        ("filesystem_limit", (-1, b"default"), Property(str(2**64 - 1), "default")),
        ("guid", (-1647404983745327327, None), Property("16799339089964224289", "none")),
        ("guid", (-1, None), Property(str(2**64 - 1), "none")),
        ("a:b", (b"x\ty\nz\xff", b"tank/off"), Property("x\ty\nz\udcff", "local")),
        ("a:b", (b"1:2:x6:string", b"tank/off"), Property("1:2:x6:string", "local")),
        ("a:b", (b"", b"tank/off"), Property("", "local")),
    ],
)
def test_what_answers_mean(
    door: Zfs, library: FakeLibrary, key: str, stored: tuple[int, bytes], found: Property
) -> None:
    library.datasets[b"tank/off"][key.encode()] = stored
    assert door.read(["tank/off", "tank/gone"], [key]) == {"tank/off": {key: found}}


@pytest.mark.parametrize(
    "odd",
    [
        b"6:string5:atime2:on",
        b"6:string5:atime2:on9:default",
        b"6:string5:atime2:on7:default6:string",
        b"6:string5:atime-2:on7:default",
        b"6:string5:atime:on7:default",
        b"6:string5:atime 2:on7:default",
        b"6:number5:atime2:on7:default",
        b"string",
    ],
)
def test_an_answer_of_another_form_is_no_answer(
    door: Zfs, library: FakeLibrary, odd: bytes
) -> None:
    library.odd = odd
    with pytest.raises(HostError, match="cannot read tank/off: a channel program answered in"):
        door.read(["tank/off"], ["atime"])


@pytest.mark.parametrize("bits", range(64))
def test_every_bit_of_a_guid_counts(door: Zfs, library: FakeLibrary, bits: int) -> None:
    number = 1 << bits
    signed = number - 2**64 if number >= 2**63 else number
    library.datasets[b"tank/off"][b"guid"] = (signed, None)
    assert door.read(["tank/off"], ["guid"])["tank/off"]["guid"].value == str(number)


def test_many_are_read_in_few_programs(library: FakeLibrary, door: Zfs) -> None:
    names = [f"tank/{number}" for number in range(450)]
    for name in names:
        library.datasets[name.encode()] = {b"atime": (b"on", b"default")}
    assert len(door.read(names, ["atime"])) == 450
    assert library.programs == 3


def test_marks_of_many_in_one_transaction(library: FakeLibrary, door: Zfs) -> None:
    door.mark({"tank": {"org.offctl:a": "1"}, "tank/off": {"org.offctl:b": "2"}})
    assert library.programs == 1
    assert door.user_names(["tank", "tank/off"]) == {"org.offctl:a", "org.offctl:b"}


def test_marks_are_all_set_or_none(library: FakeLibrary, door: Zfs) -> None:
    with pytest.raises(HostError, match="tank/gone: No such file"):
        door.mark({"tank": {"org.offctl:a": "1"}, "tank/gone": {"org.offctl:a": "1"}})
    assert library.datasets[b"tank"] == {}


@pytest.mark.parametrize("number", [5, 6, 28, 122, 9999])
def test_an_error_is_never_an_answer(library: FakeLibrary, door: Zfs, number: int) -> None:
    library.failing = ZFSError(number, "", b"tank", b"stack traceback")
    for ask in (
        lambda: door.exists("tank"),
        lambda: door.read(["tank"], ["atime"]),
        lambda: door.user_names(["tank"]),
        lambda: door.mark({"tank": {"a:b": "c"}}),
        lambda: door.create("tank/new", ()),
    ):
        with pytest.raises(HostError) as caught:
            ask()
        assert f"(error {number})" in str(caught.value)
        assert caught.value.evidence == "stack traceback"


def test_a_mistake_of_ours_is_not_hidden(library: FakeLibrary, door: Zfs) -> None:
    library.failing = TypeError("argument must be bytes")
    with pytest.raises(TypeError):
        door.exists("tank")


def test_what_is_supported_is_asked_not_guessed(library: FakeLibrary, door: Zfs) -> None:
    assert all(door.supported().values())
    library.unsupported.add(library.lzc_create)
    assert door.supported() == {name: name != "lzc_create" for name in zfs.USED}


def test_without_the_library_it_is_said_what_to_install() -> None:
    with pytest.raises(HostError) as caught:
        Zfs().exists("tank")
    assert "libzfs_core cannot be loaded" in str(caught.value)
    assert caught.value.hint == "apt install python3-pyzfs"
