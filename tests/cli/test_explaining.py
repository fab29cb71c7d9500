"""`offctl explain` with a coordinator: what cannot be read is said, and the rest is explained."""

from dataclasses import dataclass, field, replace
from pathlib import Path
import sqlite3

from click.testing import CliRunner
import pytest

from agent.scenario import FULL, Scene
from offctl import observation
from offctl.api.v1 import agent_pb2
from offctl.observed import Configuration, ObservedContainer, ObservedState
from offctl.planner import packing
from offctl.planner.packing import Observation
from offctl.planner.view import View
from offctl.trust.keys import SecretKey
from offctl.trust.root import TrustRoot
from offctl_cli import __main__
from offctl_cli.site import load
import smallsite
from transport import fleet as fleets
from transport.fleet import SITE, Fleet, Running, served
from transport.test_operator_commands import configure

TEXT = smallsite.BASE.replace('"small"', f'"{SITE}"') + (
    '[containers.web]\nuse = "po"\nid = 113\nmemory = 512\n'
)


@dataclass
class Desk(Fleet):
    """Releases were signed by another key once, and the coordinator knows both."""

    older: SecretKey = field(default_factory=SecretKey.generate)

    def root(self, **changes: object) -> TrustRoot:
        keys = (("old", self.older.public), ("desk", self.release_key.public))
        return super().root(**{"release_keys": keys, **changes})

    def before(self) -> "Desk":
        return replace(self, release_key=self.older, older=self.release_key)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    directory = tmp_path / "site"
    directory.mkdir()
    (directory / "site.toml").write_text(TEXT)
    return directory


def explain(site: Path, config: Path, *words: str) -> str:
    result = CliRunner(mix_stderr=False).invoke(
        __main__.offctl_command,
        ["explain", *words, "--site", str(site)],
        env={"OFFCTL_CONFIG": str(config)},
        standalone_mode=False,
    )
    assert result.exception is None, (result.stdout, result.stderr, result.exception)
    assert not result.return_value, result.stderr
    return result.stdout


def only(fleet: Desk, directory: Path) -> None:
    """The older key has left the trust root of the operator."""
    now = fleet.root(release_keys=(("desk", fleet.release_key.public),))
    fleets.write_trust(directory / "trust.toml", now)


def test_releases_of_a_key_that_left_are_not_told_and_no_error(site: Path, tmp_path: Path) -> None:
    fleet = Desk()
    states = load.compile_site(site).states
    first = fleet.before().release_of(1, *states)
    with served(fleet, tmp_path, first) as running:
        config = configure(tmp_path, fleet, running.address)
        known = explain(site, config, "h/containers/web/memory")
        assert "published   since release 1, published 20" in known
        only(fleet, tmp_path)
        said = explain(site, config, "h/containers/web/memory")
        assert "published   the newest release cannot be read here\n" in said
        running.do(running.publish(fleet.release_of(2, *states)))
        after = explain(site, config, "h/containers/web/memory")
        assert "published   since release 2, published 20" in after
        assert "by desk, or longer\n" in after


def test_what_was_not_asked_for_yet_is_said_as_before(site: Path, tmp_path: Path) -> None:
    fleet = Desk()
    (state,) = load.compile_site(site).states
    with served(fleet, tmp_path, fleet.release_of(1, replace(state, containers=()))) as running:
        config = configure(tmp_path, fleet, running.address)
        said = explain(site, config, "h/containers/web/memory")
    assert "published   not asked for\n" in said


def tell(running: Running, fleet: Fleet, seen: bytes) -> None:
    async def told() -> None:
        async with running.agent("h") as stub:
            named = observation.digest(seen)
            report = fleet.report("h", observation=named)
            await stub.Report(agent_pb2.ReportRequest(report=report), timeout=5)
            request = agent_pb2.ReportRequest(report=report, observation=seen)
            await stub.Report(request, timeout=5)

    running.do(told())


def test_a_report_of_another_offctl_is_left_out(site: Path, tmp_path: Path) -> None:
    fleet = Desk()
    (state,) = load.compile_site(site).states
    state = replace(state, identity=fleet.state("h").identity)
    scene = Scene.make(tmp_path / "scene", FULL)
    scene.run()
    view = scene.run().view
    assert view is not None
    seen = packing.dump(Observation(SITE, "h", view))
    with served(fleet, tmp_path, fleet.release_of(1, state)) as running:
        config = configure(tmp_path, fleet, running.address)
        tell(running, fleet, seen)
        before = explain(site, config, "h/containers/web/cores")
        with sqlite3.connect(tmp_path / "coordinator.db") as database:
            changed = "CAST(replace(content, 'schema', 'scheme') AS BLOB)"
            database.execute(f"UPDATE reports SET content = {changed}")
        assert explain(site, config, "h/containers/web/cores") == before
    assert "configured  8\n" in before
    assert "published   since release 1" in before


def test_a_number_without_end_spoils_no_explanation(site: Path, tmp_path: Path) -> None:
    fleet = Desk()
    (state,) = load.compile_site(site).states
    state = replace(state, identity=fleet.state("h").identity)
    raw = (("lxc.idmap", f"u {'1' * 5000} 0 10"),)
    file = Configuration((("memory", "512"),), raw, (), (), "")
    there = ObservedState((), (), (ObservedContainer(113, file, None),), (), (), ())
    seen = packing.dump(Observation(SITE, "h", View(there)))
    with served(fleet, tmp_path, fleet.release_of(1, state)) as running:
        config = configure(tmp_path, fleet, running.address)
        tell(running, fleet, seen)
        said = explain(site, config, "h/containers/web")
    assert "configured  512\n" in said
