"""The example configurations, as shipped and with every comment sign taken away, are accepted."""

from collections.abc import Callable
from pathlib import Path
import re

import pytest

from offctl_agent import config as agent
from offctl_agent import identity
from offctl_coordinator import config as coordinator
from offctl_coordinator import directory
from unitfiles import ROOT, read, words

EXAMPLES = ROOT / "packaging" / "etc"
Config = agent.Config | coordinator.Config
LOAD: dict[str, Callable[[Path], Config]] = {
    "agent.toml.example": agent.load,
    "coordinator.toml.example": coordinator.load,
}


@pytest.mark.parametrize("name", LOAD)
def test_an_example_is_accepted_as_it_is(name: str) -> None:
    assert LOAD[name](EXAMPLES / name)


@pytest.mark.parametrize("name", LOAD)
def test_what_an_example_leaves_out_is_what_it_says(name: str, tmp_path: Path) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    whole = re.sub(r"(?m)^# (?=[a-z_]+ = )(?!simulated|metrics)", "", text)
    assert whole != text
    (tmp_path / "written").write_text(whole)
    (tmp_path / "left-out").write_text(text)
    assert LOAD[name](tmp_path / "written") == LOAD[name](tmp_path / "left-out")


@pytest.mark.parametrize("name", LOAD)
def test_metrics_are_off_and_the_example_turns_them_on(name: str, tmp_path: Path) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    (tmp_path / "on").write_text(text.replace("# metrics = ", "metrics = "))
    assert not LOAD[name](EXAMPLES / name).metrics
    assert LOAD[name](tmp_path / "on").metrics


def test_the_service_may_write_the_database_that_init_chooses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert coordinator.load(directory.make(tmp_path / "own", "one")).state == (tmp_path / "own")
    monkeypatch.setattr(directory, "DEFAULT", tmp_path / "etc" / "coordinator.toml")
    made = coordinator.load(directory.make(tmp_path / "etc", "one"))
    (state,) = read("offctl-coordinator")["Service"]["StateDirectory"]
    assert made.state == Path("/var/lib", state)


def test_a_simulated_host_at_the_units_place_writes_where_they_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = tmp_path / "apart" / "agent.toml"
    identity.make(apart, host="off2", coordinators=(), simulated="host")
    assert agent.load(apart).state == tmp_path / "apart" / "state"
    monkeypatch.setattr(agent, "DEFAULT", tmp_path / "agent.toml")
    identity.make(tmp_path / "agent.toml", host="off2", coordinators=(), simulated="host")
    made = agent.load(tmp_path / "agent.toml")
    assert (made.state, made.runtime) == (Path("/var/lib/offctl"), Path("/run/offctl"))
    writable = words(read("offctl-courier")["Service"], "ReadWritePaths")
    assert {str(made.inbox), str(made.courier_state), str(made.runtime)} == writable
