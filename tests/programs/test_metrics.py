"""What a real run leaves for node_exporter, and that it goes on where it cannot."""

from pathlib import Path

from demo.stage import Stage

APPLY = "offctl-agent apply --config ovh1/agent.toml"


def turn_on(room: Stage, name: str) -> Path:
    path = room.directory / "ovh1" / "agent.toml"
    path.write_text(f'metrics = "{name}"\n{path.read_text()}')
    return path.parent / name


def test_a_run_leaves_them_and_goes_on_where_it_cannot(room: Stage) -> None:
    path = turn_on(room, "collected/offctl.prom")
    said = room.run(APPLY)
    assert "metrics not written: cannot write ovh1/collected/offctl.prom" in said
    assert "container 101 ovh-proxy: start" in said
    path.parent.mkdir()
    # Of a run that was killed just now, perhaps of somebody else.
    left = path.with_name(f".{path.name}.{'0' * 16}.new")
    left.write_text("half")
    assert "metrics" not in room.run(APPLY)
    assert path.stat().st_mode & 0o777 == 0o644
    text = path.read_text()
    assert "offctl_agent_release_serial 1\n" in text
    assert 'offctl_agent_resources{state="failed"} 0\n' in text
    assert sorted(path.parent.iterdir()) == [left, path]
