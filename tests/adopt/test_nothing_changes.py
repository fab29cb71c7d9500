"""Whatever a host looks like: the text that was made of it compiles, and changes nothing there."""

from pathlib import Path
import tempfile

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from adopt import hosts
from offctl.desired.model import DesiredState
from offctl_agent.adopt import adopting, telling
from offctl_agent.adopt.adopting import Adopted
from offctl_agent.planner import planner
from offctl_agent.planner.ledger import Ledger
from offctl_cli.site import finding, load

HOSTS = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def tree(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def compiled(text: str, directory: Path) -> DesiredState:
    site = directory / "site"
    site.mkdir()
    (site / "site.toml").write_text(text, encoding="utf-8")
    found = load.compile_site(site)
    wrong = [str(each) for each in found.findings if each.severity is finding.Severity.ERROR]
    assert wrong == []
    (state,) = found.states
    return state


def taken_over(seed: int, directory: Path) -> tuple[hosts.Live, Adopted, DesiredState]:
    live = hosts.make(directory / "host", seed)
    before = tree(live.root)
    done = adopting.adopt(live.host, hosts.NODE)
    assert tree(live.root) == before
    text = telling.text(done)
    assert hosts.SECRET.partition(":")[2] not in text + "\n".join(telling.summary(done))
    return live, done, compiled(text, directory)


def changes(state: DesiredState, live: hosts.Live) -> list[str]:
    """What a run would do; a stunnel that everybody can reach is told of until it is mended."""
    steps = planner.plan(state, live.host.observe(state), Ledger()).steps
    return [
        f"{step.resource.key}: {step.text}: {step.reason} {step.differences}"
        for step in steps
        if not step.resource.key.startswith("stray ")
    ]


@HOSTS
@given(st.integers(0, 2**32))
def test_the_plan_of_an_adopted_host_is_empty(seed: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        live, done, state = taken_over(seed, Path(directory))
        assert state == done.built.desired
        assert changes(state, live) == []


@pytest.mark.parametrize("seed", range(3))
def test_one_container_alone_changes_nothing_either(seed: int, tmp_path: Path) -> None:
    live = hosts.make(tmp_path / "host", seed)
    for number in hosts.NUMBERS:
        done = adopting.adopt(live.host, hosts.NODE, frozenset({number}))
        directory = tmp_path / str(number)
        directory.mkdir()
        state = compiled(telling.text(done), directory)
        assert {container.id for container in state.containers} <= {number}
        assert changes(state, live) == []
