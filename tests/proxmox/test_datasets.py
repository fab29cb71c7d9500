"""Looking at pools and datasets: what is believed when some of it cannot be read."""

import json
from pathlib import Path
import sys

import pytest

from fakes import zfs_program
from fakes.libzfs import FakeLibrary, Stored
from offctl.desired.model import Dataset, DesiredState, Mode
from offctl.errors import HostError
from offctl_agent.host import run
from offctl_agent.observed import ObservedDataset, Property, Unknown
from offctl_agent.planner import actions as act
from offctl_agent.proxmox.datasets import Datasets
from offctl_agent.proxmox.mounts import Mounts
from offctl_agent.proxmox.pools import Pools
from offctl_agent.proxmox.zfs import Zfs
from offctl_agent.proxmox.zfscommand import ZfsCommand

NOTHING = DesiredState("test", "off2", Mode.ENFORCE)
Values = dict[str, tuple[str, str]]


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
        self.datasets = Datasets(
            self.calls,
            zfs=Zfs(lambda: self.library),
            command=ZfsCommand(program=str(home / "zfs")),
            pools=Pools(home / "kstat", program=str(home / "zpool")),
            mounts=Mounts(self.mountinfo),
        )

    def _program(self, name: str, text: str) -> None:
        program = self.home / name
        program.write_text(f"#!{sys.executable} -IS\n{text}")
        program.chmod(0o755)

    def state(self, pool: str, state: str) -> None:
        folder = self.home / "kstat" / pool
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "state").write_text(f"{state}\n")
        (folder / "iostats").write_text("21 1 0x01 18 4896 25691697540 27219534824\n")

    def add(self, name: str, *, guid: str = "7", available: str = "5", **given: str) -> None:
        """A dataset; `given` are local values, `__` stands for a colon."""
        fixed = {"type": ("filesystem", "-"), "guid": (guid, "-"), "available": (available, "-")}
        fixed["atime"] = ("on", "default")
        local = {key.replace("__", ":"): (value, "local") for key, value in given.items()}
        self.values[name] = fixed | local
        (self.home / "datasets.json").write_text(json.dumps(self.values))
        raw: dict[bytes, Stored] = {b"type": (b"filesystem", None), b"guid": (int(guid), None)}
        raw |= {key.encode(): (v.encode(), name.encode()) for key, (v, _) in local.items()}
        self.library.datasets[name.encode()] = raw

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
    machine.add("hdd", guid="99")
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


def test_a_quiet_look_starts_one_program_for_each_pool(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.seen()
    started = []
    real = run.run

    def counted(argv: tuple[str, ...], **options: float) -> run.Finished:
        started.append(argv[0])
        return real(argv, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "run", counted)
    machine.seen()
    assert [Path(program).name for program in started] == ["zfs", "zfs"]
