import json
from pathlib import Path
import subprocess
import sys
import time

from click.testing import CliRunner, Result
import pytest

from offctl_cli.commands import check
from offctl_cli.site.lint import registry
from sitecases import CASES, HERE, Case, label

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "openfoodfacts"
READING = {"unknown-key", "wrong-type", "out-of-range", "bad-value", "bad-name", "missing-key"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(check.command, list(arguments), catch_exceptions=False)


def case(name: str) -> Case:
    [found] = [each for each in CASES if label(each) == name]
    return found


def test_the_example_is_clean() -> None:
    result = run(str(EXAMPLE))
    assert result.output.endswith(": nothing found\n")
    assert result.output.startswith("checked 3 hosts, ")
    assert result.exit_code == 0


def test_the_example_is_checked_within_a_second() -> None:
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "offctl_cli", "check", str(EXAMPLE)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    # The promise is 1 s for an idle machine; a test machine is seldom idle.
    assert time.monotonic() - started < 3


def test_checking_loads_no_network_code() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from offctl_cli.commands import check;"
        f"CliRunner().invoke(check.command, [{str(EXAMPLE)!r}], catch_exceptions=False);"
        "bad = {'grpc', 'google', 'socket', 'ssl', 'sqlalchemy'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("unprotected/good", 0),
        ("unprotected/bad", 1),
        ("undeclared-directory/bad", 1),
        ("duplicate-id/bad", 2),
        ("mount-source/bad-equals", 2),
        ("toml-syntax/bad", 2),
    ],
)
def test_the_exit_status_is_the_worst_finding(name: str, status: int, tmp_path: Path) -> None:
    site, _ = case(name).write(tmp_path)
    assert run(str(site)).exit_code == status
    assert run(str(site), "--json").exit_code == status


def test_a_finding_is_one_line_and_its_hint(tmp_path: Path) -> None:
    _, file = case("unknown-key/bad").write(tmp_path)
    lines = run(str(tmp_path)).output.splitlines()
    assert lines[0] == f"{file}:4: error[unknown-key]: unknown key 'core' in containers.web"
    assert lines[1] == "    hint: did you mean 'cores'?"
    assert lines[2].startswith("checked 3 hosts, 3 containers, ")
    assert lines[2].endswith(": 1 error, 0 warnings")
    assert len(lines) == 3


@pytest.mark.parametrize(
    "each", [each for each in CASES if each.code in READING and not each.is_good], ids=label
)
def test_what_cannot_be_read_is_said_with_file_and_line(each: Case, tmp_path: Path) -> None:
    _, file = each.write(tmp_path)
    output = run(str(tmp_path)).output
    for line, word in each.expected():
        assert f"{file}:{line}: {word}: " in output


def test_the_json_form_is_stable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case("unprotected/bad").write(tmp_path)
    monkeypatch.chdir(tmp_path)
    golden = HERE / "check.json"
    assert json.loads(run("--json").output) == json.loads(golden.read_text())


def test_every_finding_in_json_has_every_field(tmp_path: Path) -> None:
    site, _ = case("mount-source/bad-comma").write(tmp_path)
    document = json.loads(run(str(site), "--json").output)
    assert [set(each) for each in document["findings"]] == [
        {"severity", "code", "file", "line", "text", "hint"}
    ] * 2
    assert (document["errors"], document["warnings"]) == (1, 1)


def test_rules_are_listed_with_severity_and_sentence() -> None:
    lines = run("--rules").output.splitlines()
    assert [line.split()[0] for line in lines] == [rule.code for rule in registry.RULES]
    for line, rule in zip(lines, registry.RULES, strict=True):
        assert line.split(maxsplit=2)[1:] == [rule.severity.value, rule.doc]


def test_rules_are_listed_as_json() -> None:
    document = json.loads(run("--rules", "--json").output)
    assert len(document["rules"]) == len(registry.RULES)
    assert set(document["rules"][0]) == {"code", "severity", "doc"}


def test_every_rule_has_its_own_code_and_one_sentence() -> None:
    codes = [rule.code for rule in registry.RULES]
    assert len(set(codes)) == len(codes)
    assert all(rule.doc.endswith(".") and rule.doc.count("\n") == 0 for rule in registry.RULES)


@pytest.mark.parametrize("arguments", [["/nowhere/at/all"], ["/dev/null"]])
def test_a_site_that_is_not_there_is_refused(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "offctl_cli", "check", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("offctl: cannot ")
    assert "Traceback" not in done.stderr


def test_text_of_the_site_cannot_move_the_cursor(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text('[site]\nname = "x"\n"a\\u001b[2Jb\\u202e" = 1\n')
    output = run(str(tmp_path)).output
    assert "\x1b" not in output
    assert "\u202e" not in output
