"""`offctl freeze` and `offctl approve`: the site's text says one thing more, and nothing else."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
import shutil

from click.testing import CliRunner
import pytest

from offctl import errors
from offctl.desired.model import DesiredState
from offctl_cli.commands import approve, freeze
from offctl_cli.site import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "openfoodfacts"
HASH = "5e2f" * 16


@pytest.fixture
def site(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLE, tmp_path / "site")
    return tmp_path / "site"


def run(command: object, *arguments: str, expect: int = 0) -> str:
    result = CliRunner().invoke(command, arguments)  # type: ignore[arg-type]
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == expect, result.output
    return result.output


def state(site: Path, host: str = "off2") -> DesiredState:
    found = load.compile_site(site).state(host)
    assert found is not None
    return found


def files(site: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(site.rglob("*")) if path.is_file()}


def test_a_host_is_frozen_and_released_again(site: Path) -> None:
    before = files(site)
    said = run(
        freeze.command, "off2", "--for", "2h", "--reason", 'a "big" day', "--site", str(site)
    )
    assert "next: `offctl sign`" in said
    frozen = state(site).freeze
    assert frozen is not None
    assert frozen.reason == 'a "big" day'
    assert timedelta(hours=1, minutes=59) < frozen.until - datetime.now(UTC) <= timedelta(hours=2)
    changed = [name for name, content in files(site).items() if before[name] != content]
    assert [Path(name).name for name in changed] == ["free.toml"]
    assert files(site)[changed[0]].startswith(before[changed[0]].rstrip(b"\n"))
    run(freeze.command, "off2", "--release", "--site", str(site))
    assert files(site) == before


def test_a_freeze_replaces_the_one_before(site: Path) -> None:
    for reason in ("one", "two"):
        run(freeze.command, "off2", "--for", "1d", "--reason", reason, "--site", str(site))
    frozen = state(site).freeze
    assert frozen is not None
    assert frozen.reason == "two"


@pytest.mark.parametrize("name", ["off", "off-pro", "116"])
def test_a_container_is_frozen_by_name_or_id(site: Path, name: str) -> None:
    run(freeze.command, name, "--for", "30min", "--reason", "restore", "--site", str(site))
    frozen = [c for s in load.compile_site(site).states for c in s.containers if c.freeze]
    assert [name in (c.name, str(c.id)) for c in frozen] == [True]


def test_nothing_is_written_when_the_text_is_of_another_form(site: Path) -> None:
    (site / "more.toml").write_text('hosts.extra = { mode = "audit" }\n')
    entry = site / "site.toml"
    entry.write_text(entry.read_text().replace("include = [", 'include = ["more.toml", ', 1))
    assert not load.compile_site(site).has_errors
    before = files(site)
    with pytest.raises(errors.AuthorError, match="cannot edit hosts.extra"):
        run(freeze.command, "extra", "--for", "2h", "--reason", "x", "--site", str(site))
    assert files(site) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["off2"],
        ["off2", "--for", "2h"],
        ["off2", "--reason", "x"],
        ["off2", "--release", "--for", "2h"],
        ["off2", "--release", "--reason", "x"],
    ],
)
def test_half_an_order_is_none(site: Path, arguments: list[str]) -> None:
    before = files(site)
    run(freeze.command, *arguments, "--site", str(site), expect=2)
    assert files(site) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["off9", "--for", "2h", "--reason", "x"], "cannot find 'off9'"),
        (["113", "--for", "2h", "--reason", "x"], "cannot tell which container 113 is meant"),
        (["off2", "--for", "2 hours", "--reason", "x"], "cannot use span '2 hours'"),
        (["off2", "--for", "400d", "--reason", "x"], "longer than 366 days"),
        (["off2", "--for", "0h", "--reason", "x"], "cannot use span '0h'"),
        (["off2", "--for", "2h", "--reason", "x\ny"], "cannot use this reason"),
        (["off2", "--for", "2h", "--reason", "x" * 201], "cannot use this reason"),
    ],
)
def test_refusals_write_nothing(site: Path, arguments: list[str], said: str) -> None:
    before = files(site)
    with pytest.raises(errors.OffctlError, match=said):
        run(freeze.command, *arguments, "--site", str(site))
    assert files(site) == before


def test_a_site_with_errors_is_not_edited(site: Path) -> None:
    with (site / "hosts" / "free.toml").open("a") as file:
        file.write("\n[hosts.off2.nonsense]\nx = 1\n")
    with pytest.raises(errors.AuthorError, match="the site has errors"):
        run(freeze.command, "off2", "--for", "2h", "--reason", "x", "--site", str(site))


def test_a_release_of_what_is_not_frozen_says_so(site: Path) -> None:
    said = run(freeze.command, "off2", "--release", "--site", str(site))
    assert "off2 is not frozen" in said


def test_a_plan_is_approved_and_the_oldest_approvals_go(site: Path) -> None:
    run(approve.command, "off2", HASH, "--site", str(site))
    assert state(site).approved == (HASH,)
    run(approve.command, "off2", HASH, "--site", str(site))
    assert state(site).approved == (HASH,)
    for digit in "12345":
        run(approve.command, "off2", digit * 64, "--site", str(site))
    assert state(site).approved == tuple(digit * 64 for digit in "2345")


@pytest.mark.parametrize("bad", [["off2", "abc"], ["off2", "G" * 64], ["off", HASH]])
def test_only_a_whole_hash_of_a_host_is_approved(site: Path, bad: list[str]) -> None:
    before = files(site)
    run(approve.command, *bad, "--site", str(site), expect=2)
    assert files(site) == before
