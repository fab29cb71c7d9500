"""How pools are, for people: sound, full, when their snapshots last changed; at no extra cost."""

import json
from pathlib import Path

import pytest

from offctl.observed import ObservedPool
from offctl_agent.host import run
from offctl_agent.proxmox.zfscommand import SNAPSHOTS
from proxmox.test_datasets import NOTHING, Machine


def test_how_pools_are_comes_with_what_is_read_anyway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, started, real = Machine(tmp_path), [], run.run

    def counted(argv: tuple[str, ...], **options: float) -> run.Finished:
        started.append(Path(argv[0]).name)
        return real(argv, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "run", counted)
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
