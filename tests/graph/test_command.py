"""`offctl graph` as it is called: what it writes, where to, and what it says of mistakes."""

from collections.abc import Iterator
import os
from pathlib import Path
import pty
import shutil
import subprocess
import sys

from click.testing import CliRunner
import pytest

from graph.drawings import EXAMPLE, Drawing
from offctl import errors
from offctl_cli import graphviz
from offctl_cli.commands import graph
from offctl_cli.site import load
from smallsite import BASE
from transport.fleet import Fleet, Running, served
from transport.test_operator_commands import configure


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("small")
    (site / "site.toml").write_text(BASE + "[containers.a]\nuse = 'po'\nid = 101\n")
    return site


def drawn(*words: str | Path, env: dict[str, str] | None = None, expect: int = 0) -> str:
    result = CliRunner(mix_stderr=False).invoke(graph.command, [str(w) for w in words], env=env)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == expect, result.stderr
    return result.stdout or result.stderr


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("a.svg", "<?xml"),
        ("a.SVG", "<?xml"),
        ("a", "<?xml"),
        ("a.dot", "digraph"),
        ("a.gv", "digraph"),
        ("a.mmd", "%% site small\nflowchart LR"),
        ("a.mermaid", "%% site"),
    ],
)
def test_the_name_of_the_file_says_what_is_written(
    name: str, begins: str, small: Path, tmp_path: Path
) -> None:
    said = drawn(small, "-o", tmp_path / name)
    assert said.startswith(f"{tmp_path / name}: ")
    assert "parts, " in said
    assert (tmp_path / name).read_text().startswith(begins)
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_without_a_file_it_goes_where_output_goes(small: Path, tmp_path: Path) -> None:
    assert Drawing.read(drawn(small).encode()).nodes
    drawn(small, "--format", "dot", "-o", tmp_path / "a.svg")
    assert drawn(small, "--format", "dot") == (tmp_path / "a.svg").read_text()


def test_a_terminal_is_not_filled_with_svg(small: Path) -> None:
    master, slave = pty.openpty()
    words = [sys.executable, "-m", "offctl_cli", "graph", str(small)]
    done = subprocess.run(words, stdout=slave, stderr=subprocess.PIPE, text=True, check=False)
    os.close(slave)
    os.close(master)
    assert done.returncode == 2
    assert "a terminal shows no SVG; write -o FILE, or --format mermaid" in done.stderr


def test_without_graphviz_it_says_what_to_do(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(errors.AdminError) as refused:
        drawn(small, "-o", tmp_path / "a.svg")
    assert str(refused.value) == "cannot draw SVG: the program `dot` of Graphviz is not here"
    assert "apt install graphviz" in refused.value.hint
    assert "--format mermaid" in refused.value.hint
    assert not list(tmp_path.iterdir())
    assert drawn(small, "--format", "dot").startswith("digraph")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo no good >&2; exit 3", "`dot` ended with 3 and 0 bytes: no good"),
        ("exit 0", "`dot` ended with 0 and 0 bytes: it said nothing"),
        ("echo half; kill -9 $$", "`dot` ended with -9"),
    ],
)
def test_a_graphviz_that_fails_leaves_no_file(
    script: str, said: str, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "dot"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    kept = tmp_path / "a.svg"
    kept.write_text("the one before")
    with pytest.raises(errors.AdminError, match="cannot draw SVG") as refused:
        drawn(small, "-o", kept)
    assert said in str(refused.value)
    assert kept.read_text() == "the one before"


def test_what_does_not_come_to_an_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(graphviz, "SECONDS", 0.2)
    with pytest.raises(errors.AdminError, match="timed out"):
        graphviz.svg("digraph {}")


def test_a_site_with_errors_is_not_drawn(tmp_path: Path) -> None:
    site = Path(shutil.copytree(EXAMPLE, tmp_path / "site"))
    (site / "tunnels.toml").write_text("[tunnels.x]\n")
    with pytest.raises(errors.AuthorError, match="cannot draw site openfoodfacts") as refused:
        drawn(site, "--format", "dot")
    assert "offctl check" in refused.value.hint


def test_a_directory_that_is_not_there(small: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.AdminError, match="cannot"):
        drawn(small, "--format", "dot", "-o", tmp_path / "none" / "a.dot")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, dict[str, str]]]:
    fleet, directory = Fleet(), tmp_path_factory.mktemp("fleet")
    release = fleet.release_of(1, *load.compile_site(EXAMPLE).states)
    with served(fleet, directory, release) as found:
        found.do(found.coordinator.report("ovh1", fleet.report("ovh1")))
        yield found, {"OFFCTL_CONFIG": str(configure(directory, fleet, found.address))}


def test_with_status_it_says_what_is_true(running: tuple[Running, dict[str, str]]) -> None:
    _, env = running
    said = drawn(EXAMPLE, "--status", "--format", "mermaid", env=env)
    assert "as the coordinator told at " in said.splitlines()[1]
    assert "host off2 #91;queued#93;" in said
    assert "mongodb #91;not known#93;" in said
    assert '"ovh-proxy<br/>' in said  # right, and so without a word


def test_the_status_of_another_site_is_not_taken_for_this_one(
    running: tuple[Running, dict[str, str]], tmp_path: Path
) -> None:
    _, env = running
    site = Path(shutil.copytree(EXAMPLE, tmp_path / "site"))
    text = (site / "site.toml").read_text()
    (site / "site.toml").write_text(text.replace('name = "openfoodfacts"', 'name = "other"'))
    with pytest.raises(errors.AuthorError, match="cannot draw what is true of site other"):
        drawn(site, "--status", "--format", "dot", env=env)


def test_a_release_that_others_signed_says_nothing_of_what_is_right(
    running: tuple[Running, dict[str, str]], tmp_path: Path
) -> None:
    there, _ = running
    stranger = Fleet(operator=there.fleet.operator, server=there.fleet.server)
    env = {"OFFCTL_CONFIG": str(configure(tmp_path, stranger, there.address))}
    said = drawn(EXAMPLE, "--status", "--format", "mermaid", env=env)
    assert "ovh-proxy #91;not known#93;" in said


def test_without_a_coordinator_there_is_no_status_and_no_picture(tmp_path: Path) -> None:
    env = {"OFFCTL_CONFIG": str(tmp_path / "none.toml")}
    with pytest.raises(errors.AdminError, match="cannot connect to the coordinator"):
        drawn(EXAMPLE, "--status", "-o", tmp_path / "a.svg", env=env)
    assert not list(tmp_path.iterdir())
