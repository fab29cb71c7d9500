"""agent.toml: what may stand in it, and what may not."""

from pathlib import Path

import pytest

from offctl.errors import AdminError, MalformedError, OffctlError
from offctl_agent import config


def load(directory: Path, text: str) -> config.Config:
    path = directory / "agent.toml"
    path.write_text(text)
    return config.load(path)


def test_defaults(tmp_path: Path) -> None:
    found = load(tmp_path, 'host = "off2"\ncoordinators = ["status.example.org:7443", "[::1]:1"]\n')
    assert found.coordinators == ("status.example.org:7443", "[::1]:1")
    assert (found.interval, found.simulated) == (60, None)
    assert found.state == Path("/var/lib/offctl")
    assert found.trust == tmp_path / "trust.toml"
    assert found.inbox == Path("/var/lib/offctl/inbox")
    assert found.outbox == Path("/var/lib/offctl/outbox")
    assert found.agent_state == Path("/var/lib/offctl/agent")
    assert found.courier_state == Path("/var/lib/offctl/courier")


def test_every_path_is_relative_to_the_file(tmp_path: Path) -> None:
    found = load(tmp_path, 'host = "off2"\nstate = "s"\nruntime = "r"\nsimulated = "sim"\n')
    assert (found.state, found.runtime, found.simulated) == (
        tmp_path / "s",
        tmp_path / "r",
        tmp_path / "sim",
    )


BAD = {
    "": "it is empty",
    'state = "x"': "'host' is missing",
    'host = "-x"': "'host' must be like",
    'host = "a/../b"': "'host' must be like",
    "host = 7": "'host' must be a string",
    'host = "a"\nhosts = "b"': "unknown key 'hosts'",
    'host = "a"\npassword = "x"': "unknown key 'password'",
    'host = "a"\ncoordinators = "b:1"': "'coordinators' must be a list",
    'host = "a"\ncoordinators = ["b"]': "coordinator address",
    'host = "a"\ncoordinators = ["b:123456"]': "coordinator address",
    'host = "a"\ncoordinators = ["https://b:1"]': "coordinator address",
    'host = "a"\ncoordinators = ["a b:1"]': "coordinator address",
    'host = "a"\ninterval = 0': "'interval' must be between 1 and 86400",
    'host = "a"\ninterval = 86401': "'interval' must be between",
    'host = "a"\ninterval = true': "'interval' must be an integer",
    'host = "a"\ninterval = 1.5': "'interval' must be an integer",
    'host = "a"\nstate = "x\\u0000"': "'state' must be a string without control",
    'host = "a"\nhost = "b"': "cannot read",
    "host": "cannot read",
}


@pytest.mark.parametrize("text", BAD)
def test_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(MalformedError) as error:
        load(tmp_path, text)
    assert BAD[text] in str(error.value)


def test_a_missing_or_endless_file_is_the_admins(tmp_path: Path) -> None:
    with pytest.raises(AdminError, match="no such file"):
        config.load(tmp_path / "agent.toml")
    with pytest.raises(OffctlError, match="larger than"):
        load(tmp_path, "#" * (config.MAX_CONFIG + 1))
