"""`offctl compile`: the bundle on standard output, or why there is none."""

from pathlib import Path

from click.testing import CliRunner
import pytest

from offctl import errors
from offctl.desired import bundle
from offctl_cli.commands import compile as compile_command

EXAMPLE = Path(__file__).parents[2] / "examples" / "openfoodfacts"


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner(mix_stderr=False).invoke(compile_command.command, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_prints_the_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, err = run(str(EXAMPLE), "--host", "off2")
    assert (status, err) == (0, "")
    assert bundle.parse(out.encode()).host == "off2"
    monkeypatch.chdir(EXAMPLE)
    assert run("--host", "off2") == (status, out, err)
    assert run("site.toml", "--host", "off2")[1] == out


@pytest.mark.parametrize("arguments", [["--host", "off3"], []])
def test_unknown_host_lists_the_known_ones(arguments: list[str]) -> None:
    with pytest.raises(errors.AuthorError, match="cannot compile openfoodfacts: no host") as caught:
        run(str(EXAMPLE), *arguments)
    assert caught.value.hint == "write --host and one of: off1, off2, ovh1"


def test_a_single_host_needs_no_name(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("[site]\nname = 's'\n[hosts.h]\n")
    status, out, err = run(str(tmp_path))
    assert (status, err) == (0, "")
    assert 'host = "h"' in out


def test_errors_leave_nothing_on_standard_output(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("[site]\nname = 's'\n[hosts.h]\nmoed = 1\n")
    status, out, err = run(str(tmp_path))
    assert (status, out) == (2, "")
    assert err == (
        f"{tmp_path}/site.toml:4: error[unknown-key]: unknown key 'moed' in hosts.h\n"
        "    hint: did you mean 'mode'?\n"
    )


def test_a_broken_file_is_the_only_finding(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("include = ['b.toml']\n[site]\nname = 's'\n[routes.r]\n")
    (tmp_path / "b.toml").write_text("[hosts\n")
    status, out, err = run(str(tmp_path))
    assert (status, out) == (2, "")
    assert "b.toml:1: error[toml-syntax]: not TOML:" in err
    assert "undeclared" not in err


def test_text_of_the_site_cannot_reach_the_terminal_raw(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text('[site]\nname = "s"\n[hosts."a\\u001b[31m"]\n')
    _, _, err = run(str(tmp_path))
    assert "\x1b" not in err
    assert "error[bad-name]" in err
