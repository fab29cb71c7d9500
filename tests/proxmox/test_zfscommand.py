"""Reading `zfs get` and `zpool list`: golden output, and output made to deceive."""

from pathlib import Path

import pytest

from offctl.errors import HostError
from offctl.observed import Property
from offctl_agent.proxmox import pools, zfscommand
from offctl_agent.proxmox.pools import Pools

NAMES = ("type", "quota", "mountpoint", "a:b")
END = "org.offctl:end.0123456789abcdef"


def dataset(
    name: str, *, quota: str = "0\tdefault", mountpoint: str = "", user: str = "-\t-"
) -> str:
    where = mountpoint or f"/{name}\tdefault"
    lines = ("type\tfilesystem\t-", f"quota\t{quota}", f"mountpoint\t{where}", f"a:b\t{user}")
    return "".join(f"{name}\t{line}\n" for line in (*lines, f"{END}\t-\t-"))


def read(text: str) -> tuple[zfscommand.Listed, ...]:
    return tuple(zfscommand.parse(text.encode(), "tank", NAMES, END))


def test_values_and_sources() -> None:
    top, off = read(
        dataset("tank", quota="4096\tlocal")
        + dataset("tank/my data", user="x y\tinherited from tank", mountpoint="/m\treceived")
    )
    assert top.values["quota"] == Property("4096", "local")
    assert "a:b" not in top.values
    assert top.values["type"] == Property("filesystem", "none")
    assert off.name == "tank/my data"
    assert off.values["a:b"] == Property("x y", "inherited")
    assert off.values["mountpoint"] == Property("/m", "received")


def test_where_a_zero_limit_comes_from_says_nothing() -> None:
    (found,) = read(dataset("tank", quota="0\tlocal"))
    assert found.values["quota"] == Property("0", "default")


def test_a_value_with_tabs_is_exact() -> None:
    (found,) = read(dataset("tank", user="x\ty\tlocal\tlocal"))
    assert found.values["a:b"] == Property("x\ty\tlocal", "local")


def test_bytes_that_are_no_text_survive() -> None:
    text = dataset("tank", user="@\tlocal").encode().replace(b"@", b"\xff\x1b")
    (found,) = zfscommand.parse(text, "tank", NAMES, END)
    assert found.values["a:b"].value == "\udcff\x1b"


@pytest.mark.parametrize(
    "value",
    [
        "x\ny",
        "\n",
        "x\ntank\tquota\t1\tlocal",
        "x\ntank/forged\ttype\tfilesystem\t-\ntank/forged\tquota\t0\tdefault",
        f"x\tlocal\ntank\torg.offctl:end.guess\t-\t-\n{dataset('tank/forged').rstrip()}".replace(
            END, "org.offctl:end.guess"
        ),
    ],
)
@pytest.mark.parametrize("where", ["user", "mountpoint"])
def test_a_value_with_line_breaks_makes_its_dataset_inexact_and_no_other(
    value: str, where: str
) -> None:
    text = dataset("tank") + dataset("tank/off", **{where: f"{value}\tlocal"}) + dataset("tank/z")
    found = read(text)
    assert [(d.name, d.exact) for d in found] == [
        ("tank", True),
        ("tank/off", False),
        ("tank/z", True),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tank",
        dataset("tank")[:-1],
        dataset("tank") + "tank/off\ttype\tfilesystem\t-\n",
        dataset("tank").replace("quota", "recordsize"),
        dataset("tank").replace("\tdefault", "\tsomewhere"),
        dataset("tank").replace("0\tdefault", "0"),
        dataset("tank").replace("\tdefault", "\tinherited from other/pool"),
        dataset("other"),
        dataset("tank@snap"),
        dataset("-r"),
        dataset(""),
    ],
)
def test_output_that_is_not_believed(text: str) -> None:
    with pytest.raises(HostError, match="cannot read the output of zfs get"):
        read(text)


GOLDEN = "tank\t15516297291202378968\toff\t-\nsource\t7\ton\t/mnt\n"


def test_pools_are_listed() -> None:
    found = dict(pools.parse(GOLDEN))
    assert (found["tank"].readonly, found["tank"].altroot) == (False, "")
    assert (found["source"].readonly, found["source"].altroot) == (True, "/mnt")


@pytest.mark.parametrize("text", ["tank\n", "tank\t1\tmaybe\t-\n", "tank\t1\toff\t-\tmore\n", "\n"])
def test_pool_lists_that_are_not_believed(text: str) -> None:
    with pytest.raises(HostError, match="cannot read the output of zpool list"):
        pools.parse(text)


class Kernel:
    """/proc/spl/kstat/zfs, and a `zpool` that counts how often it is asked."""

    def __init__(self, home: Path) -> None:
        self.kstat = home / "kstat"
        self.kstat.mkdir()
        (self.kstat / "arcstats").write_text("")
        self.output = home / "output"
        self.output.write_text("")
        self.asked = home / "asked"
        self.program = home / "zpool"
        self.program.write_text(f"#!/bin/sh\necho x >> {self.asked}\ncat {self.output}\n")
        self.program.chmod(0o755)
        self.pools = Pools(self.kstat, program=str(self.program))

    def imported(self, name: str, number: int, state: str = "ONLINE") -> None:
        pool = self.kstat / name
        pool.mkdir(exist_ok=True)
        (pool / "state").write_text(f"{state}\n")
        (pool / "iostats").write_text(f"{number} 1 0x01 18 4896 25{number} 27219534824\nname\n")

    @property
    def count(self) -> int:
        return len(self.asked.read_text().splitlines()) if self.asked.exists() else 0

    def seen(self) -> dict[str, str]:
        return {pool.name: self.pools.unready(pool.name) for pool in self.pools.all()}


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


def test_no_pools(kernel: Kernel) -> None:
    assert kernel.seen() == {}
    assert kernel.pools.unready("tank") == "pool tank is not imported"
    assert kernel.count == 0


def test_zpool_is_asked_once_for_an_import(kernel: Kernel) -> None:
    kernel.imported("tank", 21)
    kernel.output.write_text("tank\t1\toff\t-\n")
    for _ in range(3):
        assert kernel.seen() == {"tank": ""}
    assert kernel.count == 1
    kernel.imported("tank", 44)
    kernel.output.write_text("tank\t1\ton\t-\n")
    assert kernel.seen() == {"tank": "pool tank is imported read-only"}
    assert kernel.count == 2


@pytest.mark.parametrize("state", ["SUSPENDED", "FAULTED", "UNAVAIL", "", "ONLINE?"])
def test_a_pool_that_does_not_answer(kernel: Kernel, state: str) -> None:
    kernel.imported("tank", 21, state)
    kernel.output.write_text("tank\t1\toff\t-\n")
    (pool,) = kernel.pools.all()
    assert pool.silent
    assert pool.silent.startswith("pool tank is ")
    assert kernel.pools.unready("tank") == pool.silent


def test_a_degraded_pool_works(kernel: Kernel) -> None:
    kernel.imported("tank", 21, "DEGRADED")
    kernel.output.write_text("tank\t1\toff\t-\n")
    assert kernel.seen() == {"tank": ""}


def test_a_pool_below_another_root(kernel: Kernel) -> None:
    kernel.imported("tank", 21)
    kernel.output.write_text("tank\t1\toff\t/mnt\n")
    assert kernel.seen() == {"tank": "pool tank is imported below /mnt"}


def test_a_pool_that_goes_meanwhile(kernel: Kernel) -> None:
    kernel.imported("tank", 21)
    assert kernel.seen() == {"tank": "pool tank came or went while it was looked at"}


def test_without_the_module_nothing_is_known(tmp_path: Path) -> None:
    with pytest.raises(HostError) as caught:
        Pools(tmp_path / "nothing").all()
    assert "kernel module" in caught.value.hint
