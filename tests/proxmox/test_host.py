"""A whole host: converged by calling a pct that is a program, and looked at without calling any."""

from dataclasses import replace
from pathlib import Path
import time

import pytest

from agent.scenario import FULL, NOW, taken
from fakes.kernel import Kernel
from host.simulatedrig import NODE, SimulatedRig
from offctl.errors import HostError
from offctl.observed import Unknown
from offctl.planner import actions as act
from offctl_agent import converge
from offctl_agent.circumstances import Circumstances
from offctl_agent.host.protocol import Host
from offctl_agent.proxmox import subids
from offctl_agent.proxmox.calls import Calls
from offctl_agent.proxmox.host import ProxmoxHost
from offctl_agent.proxmox.running import Running
from offctl_agent.proxmox.tunnels import TunnelDoor
from offctl_agent.simulated import calls
from offctl_agent.state import State
from planner import case
from proxmox import program
from proxmox.rig import ProxmoxRig, SimulatedDatasets, SimulatedDirectories

TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
TEXT = FULL.replace("zfs-hdd", "tank").replace('storage = "tank"', 'storage = "tank-pve"')
WANTED = """
[[container]]
id = 110
services = ["apache2.service", "nginx.service"]
"""


def _run(root: Path, host: Host, text: str = TEXT) -> converge.Run:
    desired = case.desired(text)
    root_storage = [
        replace(c, root=replace(c.root, storage="tank-pve")) for c in desired.containers
    ]
    desired = replace(desired, containers=tuple(root_storage))
    circumstances = Circumstances(
        clock=lambda: NOW, restarts=frozenset(), go_on=lambda: True, tell=lambda _: None
    )
    state = State(root / "state")
    state.prepare()
    return converge.run(taken(desired, ""), state, host, circumstances)


def test_a_whole_host_by_real_calls_and_then_nothing_more(tmp_path: Path) -> None:
    root = tmp_path / "host"
    rig = SimulatedRig(root)
    kernel = Kernel(rig.machine, root)
    kernel.render()
    pct = program.installed(root, NODE, tmp_path)

    class Datasets(SimulatedDatasets):
        def create(self, action: act.CreateDataset) -> None:
            super().create(action)
            kernel.render()

    def host(programs: dict[str, str]) -> ProxmoxHost:
        doors = Datasets(rig.machine, calls.Calls(rig.machine)), SimulatedDirectories(rig.machine)
        running = Running(root, 0)
        tunnels = TunnelDoor(root, running)
        return ProxmoxHost(root, NODE, *doors, tunnels, programs=programs, running=running)

    run = _run(tmp_path, host({"pct": str(pct)}))
    assert [e.detail for e in run.events if e.outcome != "done"] == []
    assert [e.action for e in run.events][-1] == "set mounts"
    assert run.plan.steps == ()
    # No program at all can be found from here on: looking needs none.
    quiet = _run(tmp_path, host({"pct": "/nowhere/pct"}))
    assert quiet.plan.steps == ()
    assert quiet.events == []


def test_ids_that_cannot_be_granted_cost_the_run_nothing_else(tmp_path: Path) -> None:
    """The file is full to what is ever read: what was added to it cannot be read back."""
    rig = ProxmoxRig(tmp_path / "host")
    subgid = rig.root / "etc/subgid"
    said = subgid.read_bytes()
    subgid.write_bytes(said + b"#" * (subids.MAX_FILE - len(said) - 1) + b"\n")
    run = _run(tmp_path, rig.host)
    assert [e.resource for e in run.events if e.outcome == "failed"] == ["subordinate ids of root"]
    made = {e.resource for e in run.events if (e.action, e.outcome) == ("create", "done")}
    # Of two containers one maps nothing but what is granted already.
    assert made == {"dataset tank/off", "dataset tank/off/images", "container 114 ct114"}
    left = {(r.step.resource.key, r.detail) for r in run.results.values()}
    assert ("container 113", "needs subids root") in left

    subgid.write_bytes(said)
    run = _run(tmp_path, rig.host)
    assert [e.detail for e in run.events if e.outcome == "failed"] == []
    assert run.plan.steps == ()


def test_a_quiet_look_starts_nothing(tmp_path: Path) -> None:
    rig = ProxmoxRig(tmp_path)
    rig.host.observe(case.desired(WANTED))
    assert rig.calls.asked == []


def test_services_are_looked_at_in_running_containers_only(tmp_path: Path) -> None:
    rig = ProxmoxRig(tmp_path, services=("nginx.service",))
    rig.host.execute(act.CreateContainer(110, TEMPLATE, "tank-pve:1", True, ()))
    found = rig.host.observe(case.desired(WANTED)).containers
    assert not isinstance(found, Unknown)
    (there,) = found
    assert not isinstance(there, tuple)
    assert there.effective is None
    rig.host.execute(act.StartContainer(110, ()))
    found = rig.host.observe(case.desired(WANTED)).containers
    assert not isinstance(found, Unknown)
    (there,) = found
    assert not isinstance(there, tuple)
    assert there.effective is not None
    assert there.effective.services == (
        ("apache2.service", "no process of it runs"),
        ("nginx.service", "running"),
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mountinfo", b""),
        ("mountinfo", b"rubbish\n"),
        ("mountinfo", b"1 2 3:4 / relative rw - ext4 x rw\n"),
        ("mountinfo", b"\xff" * 5000),
        ("uid_map", None),
        ("status", b""),
    ],
)
def test_one_container_that_cannot_be_read_is_unknown_alone(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    rig = ProxmoxRig(tmp_path)
    for number in (110, 111):
        rig.host.execute(act.CreateContainer(number, TEMPLATE, "tank-pve:1", True, ()))
        rig.host.execute(act.StartContainer(number, ()))
    path = tmp_path / f"proc/5110/{name}"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    found = rig.proxmox.observe(case.desired("")).containers
    assert not isinstance(found, Unknown)
    first, second = found
    assert isinstance(first, tuple)
    assert first[0] == 110
    assert not isinstance(second, tuple)
    assert second.running


def test_a_mount_table_of_the_host_that_cannot_be_read_makes_all_unknown(tmp_path: Path) -> None:
    rig = ProxmoxRig(tmp_path)
    (tmp_path / "proc/1/mountinfo").write_bytes(b"")
    assert isinstance(rig.proxmox.observe(case.desired("")).containers, Unknown)


def test_a_file_that_is_not_text_is_read_as_pve_reads_it(tmp_path: Path) -> None:
    rig = ProxmoxRig(tmp_path)
    rig.write(110, b"\xef\xbb\xbfmemory: 512\nhostname: \x1b]0;evil\x07\nmp0: /a\nlxc.idmap: x\n")
    found = rig.proxmox.observe(case.desired("")).containers
    assert not isinstance(found, Unknown)
    (there,) = found
    assert not isinstance(there, tuple)
    assert len(there.configuration.complaints) == 1
    assert there.configuration.option("mp0") == "/a"


def test_a_program_that_is_not_there_is_a_failure_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="there is no program"):
        Calls(programs={"pct": str(tmp_path / "pct")}).run("try", ("pct", "start", "110"))


def test_what_a_task_says_on_stdout_is_evidence(tmp_path: Path) -> None:
    script = tmp_path / "pct"
    script.write_text("#!/bin/sh\necho 'CT is locked (backup)'\necho last >&2\nexit 255\n")
    script.chmod(0o700)
    with pytest.raises(HostError) as caught:
        Calls(programs={"pct": str(script)}).run("start container 110", ("pct", "start", "110"))
    assert caught.value.code == "LOCKED"
    assert caught.value.evidence == "CT is locked (backup)\n\nlast"
    assert str(caught.value).endswith("exited with 255: last")


def test_a_program_that_is_late_is_asked_to_end_and_waited_for(tmp_path: Path) -> None:
    script, ended = tmp_path / "pct", tmp_path / "ended"
    script.write_text(f"#!/bin/sh\ntrap 'echo > {ended}; exit 1' TERM\nwhile :; do sleep 0.1; done")
    script.chmod(0o700)
    alive: list[float] = []
    calls = Calls(
        lambda: alive.append(time.monotonic()),
        programs={"pct": str(script)},
        seconds={("pct", "start"): 1.2},
    )
    with pytest.raises(HostError) as caught:
        calls.run("start container 110", ("pct", "start", "110"))
    assert caught.value.code == "TIMEOUT"
    assert ended.exists()
    assert alive
