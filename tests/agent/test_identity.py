"""A host's keys: made once, replaced only when told to, never half."""

from pathlib import Path

import pytest

from offctl import certificates, errors, toml
from offctl_agent import config as configs
from offctl_agent import identity
from offctl_agent.floors import Mark
from offctl_agent.state import State


def make(directory: Path, *replace: str) -> tuple[str, str]:
    done = identity.make(
        directory / "agent.toml",
        host="off2",
        coordinators=(),
        simulated="machine",
        replace=replace,
    )
    table = toml.parse(done.lines.encode(), what="lines", limit=65536)
    ((_, host),) = table.named_tables("hosts")
    inner = host.table("identity")
    return inner.string("certificate"), inner.string("tunnel_key")


def files_of(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*.pem")}


def test_again_is_the_same(tmp_path: Path) -> None:
    first, kept = make(tmp_path), files_of(tmp_path)
    assert make(tmp_path) == first
    assert files_of(tmp_path) == kept


def test_only_what_is_named_is_replaced(tmp_path: Path) -> None:
    certificate, tunnel_key = make(tmp_path)
    new = make(tmp_path, "certificate")
    assert new[0] != certificate
    assert new[1] == tunnel_key
    assert certificates.check(new[0])
    newer = make(tmp_path, "tunnel-key")
    assert newer[0] == new[0]
    assert newer[1] != tunnel_key
    assert make(tmp_path) == newer
    modes = {p.name: p.stat().st_mode & 0o777 for p in tmp_path.glob("*.key.pem")}
    assert set(modes.values()) == {0o600}


def test_killed_between_key_and_certificate(tmp_path: Path) -> None:
    make(tmp_path)
    certificate = configs.load(tmp_path / "agent.toml").certificate
    certificate.unlink()
    made, _ = make(tmp_path)
    assert certificates.check(made)


def test_only_a_new_host_begins_a_memory(tmp_path: Path) -> None:
    make(tmp_path)
    config = configs.load(tmp_path / "agent.toml")
    assert State(config.agent_state).mark() == Mark()
    (config.agent_state / "floor").unlink()
    make(tmp_path)
    make(tmp_path, "certificate")
    assert State(config.agent_state).mark() is None


def test_a_damaged_key_is_no_reason_for_a_new_one(tmp_path: Path) -> None:
    make(tmp_path)
    key = configs.load(tmp_path / "agent.toml").tunnel_key
    key.write_bytes(b"\0" * 64)
    with pytest.raises(errors.MalformedError):
        make(tmp_path)
    assert key.read_bytes() == b"\0" * 64
