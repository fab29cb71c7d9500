"""Container files in every form that PVE reads: taken over or left, never changed."""

from pathlib import Path
from typing import Any

import pytest

from adopt import hosts
from adopt.test_nothing_changes import changes, compiled
from host import cases
from offctl_agent.adopt import adopting, telling
from offctl_agent.simulated import layout
from offctl_agent.simulated.host import SimulatedHost

CASES = cases.load(str(Path(cases.__file__)), "pctconf.toml")
ROOT = "rootfs: tank:subvol-101-disk-0,size=8G\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_a_file_of_any_form_changes_nothing(case: dict[str, Any], tmp_path: Path) -> None:
    host = SimulatedHost(tmp_path / "host", hosts.NODE)
    layout.create(host.machine, imported=["tank"], storages={"tank": "tank/pve"})
    live = hosts.Live(tmp_path / "host", host)
    file = tmp_path / f"host/etc/pve/nodes/{hosts.NODE}/lxc/101.conf"
    # With a root before it, the rest of the file is what decides.
    for number, content in enumerate((case["input"], ROOT + case["input"])):
        file.write_bytes(content.encode("latin-1"))
        done = adopting.adopt(host, hosts.NODE)
        assert done.plan.empty
        directory = tmp_path / str(number)
        directory.mkdir()
        state = compiled(telling.text(done), directory)
        assert state == done.built.desired
        assert changes(state, live) == []
        assert file.read_bytes() == content.encode("latin-1")
    if "lxc.idmap" not in case["input"] and "template" not in case["input"]:
        assert [c.id for c in state.containers] == [101] or done.lefts
