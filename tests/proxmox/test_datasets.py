"""Looking at pools and datasets: what is believed when some of it cannot be read."""

import errno
import json
from pathlib import Path
import sys

import pytest

from fakes import zfs_program
from fakes.libzfs import FakeLibrary, Stored, ZFSError
from offctl.desired.model import Dataset, DesiredState, Mode
from offctl.errors import HostError
from offctl.observed import ObservedDataset, ObservedPool, Property, Unknown
from offctl.planner import actions as act
from offctl_agent.host import run
from offctl_agent.proxmox.datasets import Datasets
from offctl_agent.proxmox.floors import PROPERTY as FLOOR
from offctl_agent.proxmox.floors import PoolFloors
from offctl_agent.proxmox.mounts import Mounts
from offctl_agent.proxmox.pools import Pools
from offctl_agent.proxmox.zfs import Zfs
from offctl_agent.proxmox.zfscommand import SNAPSHOTS, ZfsCommand

NOTHING = DesiredState("test", "off2", Mode.ENFORCE)
Values = dict[str, tuple[str, str]]
Places = tuple[tuple[str, str, str], ...]


class Calls:
    """Counts what would be run."""

    def __init__(self) -> None:
        self.done: list[tuple[str, ...]] = []

    def run(self, doing: str, argv: tuple[str, ...]) -> None:
        self.done.append(argv)


class Machine:
    """Two pools, `hdd` and `nvme`, and where they are mounted."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.library = FakeLibrary()
        self.calls = Calls()
        self.values: dict[str, Values] = {}
        self._program("zfs", Path(zfs_program.__file__).read_text())
        self._program(
            "zpool", "import sys\nsys.stdout.write('hdd\\t1\\toff\\t-\\nnvme\\t2\\toff\\t-\\n')\n"
        )
        self.mountinfo = home / "mountinfo"
        self.mountinfo.write_text("25 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
        for number, pool in enumerate(("hdd", "nvme"), 1):
            self.state(pool, "ONLINE")
            self.add(pool, guid=str(number), available=str(number << 40))
        zfs, pools = Zfs(lambda: self.library), Pools(home / "kstat", program=str(home / "zpool"))
        self.floors = PoolFloors(zfs, pools)
        self.datasets = Datasets(
            self.calls,
            zfs=zfs,
            command=self.command(),
            pools=pools,
            mounts=Mounts(self.mountinfo),
            floors=self.floors,
        )

    def command(self) -> ZfsCommand:
        return ZfsCommand(program=str(self.home / "zfs"), module=self.home / "version")

    def _program(self, name: str, text: str) -> None:
        program = self.home / name
        program.write_text(f"#!{sys.executable} -IS\n{text}")
        program.chmod(0o755)

    def state(self, pool: str, state: str) -> None:
        self.imported(pool, 21)
        (self.home / "kstat" / pool / "state").write_text(f"{state}\n")

    def imported(self, pool: str, number: int) -> None:
        folder = self.home / "kstat" / pool
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "iostats").write_text(f"{number} 1 0x01 18 4896 25691697540 27219534824\n")

    def add(self, name: str, *, guid: str = "7", available: str = "5", **given: str) -> None:
        """A dataset; `given` are local values, `__` stands for a colon."""
        fixed = {"type": ("filesystem", "-"), "guid": (guid, "-"), "available": (available, "-")}
        fixed |= {"used": ("3", "-"), "atime": ("on", "default")}
        if "/" not in name:
            fixed |= {"mountpoint": (f"/{name}", "default"), "readonly": ("off", "default")}
        local = {key.replace("__", ":"): (value, "local") for key, value in given.items()}
        self.values[name] = fixed | local
        (self.home / "datasets.json").write_text(json.dumps(self.values))
        raw: dict[bytes, Stored] = {b"type": (b"filesystem", None), b"guid": (int(guid), None)}
        raw |= {key.encode(): (v.encode(), name.encode()) for key, (v, _) in local.items()}
        self.library.datasets[name.encode()] = raw

    def listed(self, name: str, key: str, value: tuple[str, str]) -> None:
        """What `zfs get` says from now on."""
        self.values[name][key] = value
        (self.home / "datasets.json").write_text(json.dumps(self.values))

    def places(self, listed: Places) -> None:
        """What `zfs get` says of canmount and mountpoint."""
        lines = (f"{n}\tcanmount\t{can}\n{n}\tmountpoint\t{at}\n" for n, can, at in listed)
        (self.home / "listed").write_text("".join(lines))

    def fail(self, pool: str, why: str) -> None:
        (self.home / f"fail-{pool}").write_text(why)

    def seen(self, desired: DesiredState = NOTHING) -> dict[str, ObservedDataset]:
        found = self.datasets.observe(desired)[1]
        assert not isinstance(found, Unknown), found.reason
        return {dataset.name: dataset for dataset in found}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def wish(name: str, **properties: str) -> DesiredState:
    given = tuple((key.replace("__", ":"), value) for key, value in properties.items())
    dataset = Dataset(name, name, f"/{name}", properties=given)
    return DesiredState("test", "off2", Mode.ENFORCE, datasets=(dataset,))


def test_pools_and_datasets_are_seen(machine: Machine) -> None:
    machine.add("hdd/off", atime="off")
    with machine.mountinfo.open("a") as table:
        table.write("30 25 0:50 / /hdd/off rw - zfs hdd/off rw\n")
    pools, datasets = machine.datasets.observe(NOTHING)
    assert pools == (("hdd", 1 << 40), ("nvme", 2 << 40))
    assert isinstance(datasets, tuple)
    assert [d.name for d in datasets] == ["hdd", "hdd/off", "nvme"]
    assert datasets[1] == ObservedDataset(
        "hdd/off",
        "filesystem",
        (("atime", Property("off", "local")), ("guid", Property("7", "none"))),
        "/hdd/off",
    )
    assert datasets[0].mounted_at == ""
    assert machine.datasets.unready == ()


def test_a_pool_that_cannot_be_read_is_no_pool_and_the_others_are(machine: Machine) -> None:
    machine.fail("nvme", "I/O error")
    pools, datasets = machine.datasets.observe(NOTHING)
    assert pools == (("hdd", 1 << 40),)
    assert isinstance(datasets, tuple)
    assert [d.name for d in datasets] == ["hdd"]
    ((name, reason),) = machine.datasets.unready
    assert name == "nvme"
    assert "I/O error" in reason


def test_when_none_can_be_read_nothing_is_known(machine: Machine) -> None:
    for pool in ("hdd", "nvme"):
        machine.fail(pool, "permission denied")
    pools, datasets = machine.datasets.observe(NOTHING)
    assert isinstance(pools, Unknown)
    assert isinstance(datasets, Unknown)
    assert "permission denied" in datasets.reason


def test_a_suspended_pool_is_not_even_asked(machine: Machine) -> None:
    machine.state("nvme", "SUSPENDED")
    pools, _ = machine.datasets.observe(NOTHING)
    assert pools == (("hdd", 1 << 40),)
    assert machine.datasets.unready == (("nvme", "pool nvme is SUSPENDED"),)
    with pytest.raises(HostError, match="pool nvme is SUSPENDED"):
        machine.datasets.set_properties(act.SetProperties("nvme", (("atime", "off"),)))
    assert machine.calls.done == []


def test_without_a_mount_table_nothing_is_known(machine: Machine) -> None:
    machine.mountinfo.write_text("")
    pools, datasets = machine.datasets.observe(NOTHING)
    assert isinstance(pools, Unknown)
    assert isinstance(datasets, Unknown)


def test_values_with_line_breaks_are_read_from_the_kernel(machine: Machine) -> None:
    lie = "x\nhdd/forged\ttype\tfilesystem\t-"
    machine.add("hdd/off", org__note=lie)
    found = machine.seen(wish("hdd/off", org__note="y"))
    assert set(found) == {"hdd", "hdd/off", "nvme"}
    assert found["hdd/off"].property("org:note") == Property(lie, "local")


def test_user_properties_that_are_there_are_asked_for_from_then_on(machine: Machine) -> None:
    machine.add("hdd/off", org__old="ledger knows")
    assert machine.seen()["hdd/off"].property("org:old") is None
    assert machine.seen(wish("hdd/off"))["hdd/off"].property("org:old") is not None
    # The text no longer speaks of it; what this program saw once it looks at for ever.
    assert machine.seen()["hdd/off"].property("org:old") == Property("ledger knows", "local")
    before = machine.library.programs
    machine.seen(wish("hdd/off"))
    assert machine.library.programs == before


def test_an_exchanged_pool_is_not_changed(machine: Machine) -> None:
    machine.add("hdd/off")
    machine.seen()
    machine.imported("hdd", 22)
    with pytest.raises(HostError, match="not the pool that was looked at") as caught:
        machine.datasets.set_properties(act.SetProperties("hdd/off", (("atime", "off"),)))
    with pytest.raises(HostError, match="not the pool that was looked at"):
        machine.datasets.create(act.CreateDataset("hdd/new", (), "/hdd/new"))
    assert caught.value.code == "CONFLICT"
    assert machine.calls.done == []


def test_user_properties_alone_need_no_program(machine: Machine) -> None:
    machine.add("hdd/off")
    machine.datasets.set_properties(act.SetProperties("hdd/off", (("org:note", "a"),)))
    assert machine.calls.done == []
    assert machine.seen(wish("hdd/off"))["hdd/off"].property("org:note") is None
    assert machine.library.datasets[b"hdd/off"][b"org:note"] == (b"a", b"hdd/off")


def test_an_exit_status_is_not_believed(machine: Machine) -> None:
    machine.add("hdd/off", atime="on")
    action = act.SetProperties("hdd/off", (("atime", "off"), ("org:note", "a")))
    with pytest.raises(HostError, match="atime is 'on' after setting it to 'off'"):
        machine.datasets.set_properties(action)
    assert machine.calls.done == [("zfs", "set", "org:note=a", "atime=off", "hdd/off")]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The programs started through the one door, by name."""
    found: list[str] = []
    real = run.run

    def counted(argv: tuple[str, ...], **options: float) -> run.Finished:
        found.append(Path(argv[0]).name)
        return real(argv, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "run", counted)
    return found


def test_even_a_first_look_starts_one_program_for_each_pool(
    machine: Machine, started: list[str]
) -> None:
    desired = wish("hdd/off", org__note="a")
    machine.add("hdd/off")
    for _ in range(3):
        started.clear()
        machine.seen(desired)
        machine.floors.read()
        assert started == ["zfs", "zfs"]


@pytest.mark.parametrize(("really", "code"), [("insensitive", ""), ("sensitive", "FAILED")])
def test_what_is_chosen_at_creation_is_asked_of_the_command(
    machine: Machine, really: str, code: str
) -> None:
    """A channel program says `sensitive` whatever was chosen."""
    machine.add("hdd/new", canmount="off", casesensitivity=really)
    del machine.library.datasets[b"hdd/new"]
    wanted = (("canmount", "off"), ("casesensitivity", "insensitive"))
    action = act.CreateDataset("hdd/new", wanted, "/hdd/new")
    if not code:
        machine.datasets.create(action)
        return
    with pytest.raises(HostError, match="casesensitivity is 'sensitive' after") as caught:
        machine.datasets.create(action)
    assert caught.value.code == code


def test_a_quiet_look_leaves_no_line_in_the_history_of_a_pool(machine: Machine) -> None:
    """Every channel program is noted there, even one that only reads."""
    machine.floors.keep("1 off 0 7 -", ("hdd", "nvme"))
    for pool in ("hdd", "nvme"):
        machine.listed(pool, FLOOR, ("1 off 0 7 -", "local"))
    machine.seen()
    before = machine.library.programs
    machine.floors.read()
    machine.floors.keep("1 off 0 7 -", ("hdd", "nvme"))
    machine.seen()
    assert machine.library.programs == before


def test_a_floor_that_somebody_changed_is_seen_and_set_again(machine: Machine) -> None:
    machine.floors.keep("1 off 0 7 -", ("hdd",))
    machine.listed("hdd", FLOOR, ("1 off 0 3 -", "local"))
    machine.seen()
    assert "1 off 0 3 -" in machine.floors.read()
    machine.floors.keep("1 off 0 7 -", ("hdd",))
    assert machine.library.datasets[b"hdd"][FLOOR.encode()] == (b"1 off 0 7 -", b"hdd")


@pytest.mark.parametrize(
    ("key", "value", "listed", "reason"),
    [
        ("readonly", ("on", "temporary"), "1\ton\t-", "pool hdd is imported read-only"),
        ("mountpoint", ("/mnt/hdd", "default"), "1\toff\t/mnt", "pool hdd is imported below /mnt"),
        ("mountpoint", ("/mnt/srv", "local"), "1\toff\t/mnt", "pool hdd is imported below /mnt"),
        ("mountpoint", ("/srv", "local"), "1\toff\t-", ""),
        ("readonly", ("on", "temporary"), "1\toff\t-", ""),
    ],
)
def test_zpool_is_asked_when_a_pool_looks_odd(
    machine: Machine, started: list[str], key: str, value: tuple[str, str], listed: str, reason: str
) -> None:
    machine.listed("hdd", key, value)
    machine._program(
        "zpool", f"import sys\nsys.stdout.write('hdd\\t{listed}\\nnvme\\t2\\toff\\t-\\n')\n"
    )
    machine.seen()
    assert dict(machine.datasets.unready).get("hdd", "") == reason
    assert started.count("zpool") == 1
    machine.seen()
    assert started.count("zpool") == 1


def test_a_read_only_pool_is_seen_though_it_takes_no_channel_program(machine: Machine) -> None:
    machine.add("hdd/off")
    machine.listed("hdd", "readonly", ("on", "temporary"))
    machine._program(
        "zpool", "import sys\nsys.stdout.write('hdd\\t1\\ton\\t-\\nnvme\\t2\\toff\\t-\\n')\n"
    )
    machine.library.failing = ZFSError(errno.EROFS, "Pool is read-only", b"hdd")
    assert "hdd/off" in machine.seen(wish("hdd/off"))
    assert machine.datasets.unready == (("hdd", "pool hdd is imported read-only"),)


def test_how_pools_are_comes_with_what_is_read_anyway(machine: Machine, started: list[str]) -> None:
    machine.add("hdd/off")
    machine.state("nvme", "DEGRADED")
    machine.seen()
    assert machine.datasets.space == (
        ObservedPool("hdd", "ONLINE", 3, 1 << 40, 0),
        ObservedPool("nvme", "DEGRADED", 3, 2 << 40, 0),
    )
    assert started == ["zfs", "zfs"]
    machine.fail("hdd", "I/O error")
    machine.state("nvme", "SUSPENDED")
    machine.datasets.observe(NOTHING)
    assert machine.datasets.space == (
        ObservedPool("hdd", "ONLINE"),
        ObservedPool("nvme", "SUSPENDED"),
    )


@pytest.mark.parametrize(
    ("version", "changed"),
    [("2.2.0-pve1", 1772366400), ("2.3.4", 1772366400), ("10.0", 1772366400),
     ("2.1.11-1", 0), ("0.8.3", 0), ("", 0), ("kmod", 0)],
)  # fmt: skip
def test_when_snapshots_changed_is_asked_of_a_zfs_that_knows(
    tmp_path: Path, version: str, changed: int
) -> None:
    (tmp_path / "version").write_text(version)
    machine = Machine(tmp_path)
    machine.add("hdd/off")
    machine.listed("hdd", SNAPSHOTS, ("1772280000", "-"))
    machine.listed("hdd/off", SNAPSHOTS, ("1772366400", "-"))
    assert SNAPSHOTS not in dict(machine.seen()["hdd/off"].properties)
    assert [pool.snapshots for pool in machine.datasets.space] == [changed, 0]


def test_a_command_older_than_its_module_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "version").write_text("2.3.4")
    (tmp_path / "lacks").write_text(SNAPSHOTS)
    machine = Machine(tmp_path)
    machine.listed("hdd", SNAPSHOTS, ("1772280000", "-"))
    machine.listed("nvme", "dnodesize", ("legacy", "default"))
    values = json.loads((tmp_path / "datasets.json").read_text())
    del values["hdd"][SNAPSHOTS]
    (tmp_path / "datasets.json").write_text(json.dumps(values))
    for _ in range(2):
        assert set(machine.seen()) == {"hdd", "nvme"}
        assert [pool.snapshots for pool in machine.datasets.space] == [0, 0]


def test_a_property_that_this_zfs_does_not_have_is_found_out_once(
    machine: Machine, started: list[str]
) -> None:
    (machine.home / "lacks").write_text("dnodesize")
    machine.seen()
    assert started == ["zfs", "zfs", "zfs", "zfs"]  # refused, asked, read; and the other pool
    started.clear()
    machine.seen()
    assert started == ["zfs", "zfs"]


@pytest.mark.parametrize(
    ("listed", "named"),
    [
        ((("hdd/off", "on", "/hdd/off"),), "hdd/off"),
        ((("hdd/off", "off", "/hdd/off"), ("hdd/off/a", "noauto", "/x")), "hdd/off/a"),
    ],
)
def test_nothing_is_exported_that_zfs_would_have_to_mount(
    machine: Machine, listed: Places, named: str
) -> None:
    machine.add("hdd/off", sharenfs="off")
    machine.places(listed)
    action = act.SetProperties("hdd/off", (("sharenfs", "rw=@10.0.0.1/32"),))
    with pytest.raises(HostError, match=f"dataset {named} is not mounted; exporting it") as caught:
        machine.datasets.set_properties(action)
    assert caught.value.code == "PREFLIGHT"
    # What it would inherit may export it as well.
    with pytest.raises(HostError, match=f"dataset {named} is not mounted; exporting it"):
        machine.datasets.inherit(act.InheritProperties("hdd/off", ("sharenfs",)))
    assert machine.calls.done == []


@pytest.mark.parametrize(
    "listed",
    [
        "hdd/off\tcanmount\ton\nhdd/off\tquota\t1\n",
        "x\tcanmount\ton\nx\tmountpoint\t/x\n",
        "hdd/offer\tcanmount\ton\nhdd/offer\tmountpoint\t/x\n",
        "hdd/off\tcanmount\ton\nhdd/off/a\tmountpoint\t/x\n",
        "hdd/off\tcanmount\ton\n",
    ],
)
def test_a_list_that_is_not_believed_exports_nothing(machine: Machine, listed: str) -> None:
    machine.add("hdd/off", sharenfs="off")
    (machine.home / "listed").write_text(listed)
    action = act.SetProperties("hdd/off", (("sharenfs", "rw=@10.0.0.1/32"),))
    with pytest.raises(HostError, match="cannot read the output of zfs get"):
        machine.datasets.set_properties(action)
    assert machine.calls.done == []


@pytest.mark.parametrize(
    ("value", "listed"),
    [
        ("off", (("hdd/off", "on", "/hdd/off"),)),
        ("rw=@10.0.0.1/32", (("hdd/off", "off", "/hdd/off"), ("hdd/off/a", "on", "legacy"))),
    ],
)
def test_what_zfs_would_not_mount_may_be_exported(
    machine: Machine, value: str, listed: Places
) -> None:
    machine.add("hdd/off", sharenfs=value)
    machine.places(listed)
    machine.datasets.set_properties(act.SetProperties("hdd/off", (("sharenfs", value),)))
    assert machine.calls.done == [("zfs", "set", f"sharenfs={value}", "hdd/off")]
