"""What the doctor says, and what it exits with."""

import json
from pathlib import Path

from click.testing import CliRunner
import pytest

from offctl.errors import HostError
from offctl_agent import __main__ as program
from offctl_agent import doctor, finding, identity
from offctl_agent.finding import Finding, Verdict
from offctl_agent.proxmox import checks


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "agent.toml"
    simulated = str(tmp_path / "simulated")
    identity.make(path, host="off2", coordinators=("127.0.0.1:1",), simulated=simulated)
    return path


def run(config: Path, *more: str) -> tuple[int, str]:
    done = CliRunner().invoke(program.agent, ["doctor", "--config", str(config), *more])
    return done.exit_code, done.output


def test_a_simulated_host_needs_little(config: Path) -> None:
    code, said = run(config)
    assert code == 0
    assert "host off2, simulated in" in said
    assert "libzfs_core" not in said


def test_without_a_configuration_the_rest_is_looked_at_all_the_same(tmp_path: Path) -> None:
    code, said = run(tmp_path / "agent.toml")
    assert code == 1
    first, hint, *rest = said.splitlines()
    assert first.startswith("fails  config        cannot read ")
    assert hint.strip() == "hint: offctl-agent init"
    assert any(line.startswith("ok     python") for line in rest)
    assert any("kernel" in line for line in rest)


def test_programs_can_read_it_too(config: Path, tmp_path: Path) -> None:
    code, said = run(config, "--json")
    found = json.loads(said)
    assert (code, found["fit"]) == (0, True)
    first, *_ = found["findings"]
    assert (first["name"], first["verdict"]) == ("config", "ok")
    assert all(set(each) == {"name", "verdict", "text", "hint"} for each in found["findings"])
    code, said = run(tmp_path / "absent.toml", "--json")
    assert (code, json.loads(said)["fit"]) == (1, False)
    assert json.loads(said)["findings"][0]["hint"] == "offctl-agent init"


def test_every_check_speaks_even_where_there_is_nothing() -> None:
    names = [name for name, _ in checks.ALL]
    assert len(names) == len(set(names))
    for name, check in checks.ALL:
        found = list(doctor._examined(name, check))
        assert found
        assert all(each.text for each in found)


def test_a_check_that_breaks_is_a_finding() -> None:
    def broken() -> list[Finding]:
        raise HostError("cannot look: it is dark", hint="make light")

    assert list(doctor._examined("light", broken)) == [
        Finding("light", Verdict.FAILS, "cannot look: it is dark", "make light")
    ]


def test_a_note_does_not_keep_the_agent_from_its_work() -> None:
    assert doctor.fit([finding.ok("a", "b"), finding.note("c", "d", "e")])
    assert not doctor.fit([finding.ok("a", "b"), finding.fails("c", "d")])


def test_lines_are_for_people() -> None:
    found = [finding.ok("pools", "tank: imported and writable"), finding.fails("pve", "gone", "x")]
    assert list(doctor.lines(found)) == [
        "ok     pools         tank: imported and writable",
        "fails  pve           gone",
        "                     hint: x",
    ]
