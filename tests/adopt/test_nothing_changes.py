"""Whatever a host looks like: the text that was made of it compiles, and changes nothing there."""

from pathlib import Path
import tempfile

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
import tomli

from adopt import hosts
from offctl.desired.model import DesiredState
from offctl.planner import planner
from offctl.planner.ledger import Ledger
from offctl_agent.adopt import adopting, telling
from offctl_agent.adopt.adopting import Adopted
from offctl_agent.simulated import layout
from offctl_agent.simulated.host import SimulatedHost
from offctl_cli.adopt import folding, merging, text
from offctl_cli.site import finding, load

# Hosts sync every write; in memory that costs nothing.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
HOSTS = settings(max_examples=40, deadline=None, derandomize=True, database=None)


def tree(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def compiled(said: str, directory: Path) -> DesiredState:
    site = directory / "site"
    site.mkdir()
    (site / "site.toml").write_text(said, encoding="utf-8")
    found = load.compile_site(site)
    wrong = [str(each) for each in found.findings if each.severity is finding.Severity.ERROR]
    assert not wrong, "\n".join(wrong)
    (state,) = found.states
    return state


def taken_over(seed: int, directory: Path) -> tuple[hosts.Live, Adopted, DesiredState]:
    live = hosts.make(directory / "host", seed)
    before = tree(live.root)
    done = adopting.adopt(live.host, hosts.NODE)
    assert tree(live.root) == before
    said = telling.text(done)
    for secret in (hosts.SECRET.partition(":")[2], hosts.PASSWORD):
        assert secret not in said + "\n".join(telling.summary(done))
    return live, done, compiled(said, directory)


@pytest.mark.parametrize("line", [each for each in hosts.OPTIONS if hosts.PASSWORD in each])
def test_what_people_wrote_into_a_wrong_line_stays_there(line: str, tmp_path: Path) -> None:
    host = one_root(tmp_path, f"{line}\n[pve:pending]\n{line}\n")
    done = adopting.adopt(host, hosts.NODE)
    assert hosts.PASSWORD not in telling.text(done) + "\n".join(telling.summary(done))
    key = line.partition(":")[0].strip()
    assert any(key in left.what + left.reason for left in done.lefts) or "has no key" in str(done)


def one_root(directory: Path, *files: str) -> SimulatedHost:
    """A host with a container of nothing but a root and these lines, for each of them."""
    host = SimulatedHost(directory / "host", hosts.NODE)
    layout.create(host.machine, imported=["tank"], storages={"tank": "tank/pve"})
    for number, lines in enumerate(files, 100):
        file = directory / f"host/etc/pve/nodes/{hosts.NODE}/lxc/{number}.conf"
        file.write_text(f"rootfs: tank:subvol-{number}-disk-0,size=8G\nunprivileged: 0\n{lines}")
    return host


def test_no_name_is_given_twice(tmp_path: Path) -> None:
    host = one_root(tmp_path, "hostname: a\n", "hostname: a-102\n", "hostname: a\n")
    done = adopting.adopt(host, hosts.NODE)
    state = compiled(telling.text(done), tmp_path)
    assert [c.name for c in state.containers] == ["a", "a-102", "a-102-2"]
    assert [dict(c.options)["hostname"] for c in state.containers] == ["a", "a-102", "a"]


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
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        live, done, state = taken_over(seed, Path(directory))
        assert state == done.built.desired
        assert changes(state, live) == []


@settings(HOSTS, max_examples=10)
@given(st.integers(0, 2**32))
def test_hosts_folded_into_one_site_have_empty_plans_too(seed: int) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        top = Path(directory)
        lives = [hosts.make(top / node, seed + n, node) for n, node in enumerate(("off1", "off2"))]
        texts = [
            folding.Text(node, tomli.loads(telling.text(adopting.adopt(live.host, node))))
            for live, node in zip(lives, ("off1", "off2"), strict=True)
        ]
        merged = merging.merge(texts, "both", {})
        for file, content in text.files(merged.folded).items():
            (top / "site" / file).parent.mkdir(parents=True, exist_ok=True)
            (top / "site" / file).write_text(content)
        for state, live in zip(load.compile_site(top / "site").states, lives, strict=True):
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
        here = (live.root / f"etc/pve/lxc/{number}.conf").exists()
        said = f"! container {number}: there is none on this host"
        assert (said in telling.summary(done)) is not here
        assert telling.status(done) == (0 if here else 2)
