"""Every help has one style: what it does, every option explained, examples that work."""

import re
import shlex

import click
from click.testing import CliRunner
import pytest

from manners.commands import PROGRAMS, Called, called, every, leaves

EVERY, LEAVES = every(), leaves()


def name(each: Called) -> str:
    return each.name


@pytest.mark.parametrize("each", EVERY, ids=name)
def test_the_first_sentence_says_what_it_does(each: Called) -> None:
    first = (each.command.help or "").strip().split("\n\n")[0]
    assert re.match(r"[A-Z][a-z]+", first), "begins with a verb"
    assert first.rstrip().endswith("."), first
    assert each.command.get_short_help_str(100)


@pytest.mark.parametrize("each", EVERY, ids=name)
def test_paragraphs_are_folded_as_such(each: Called) -> None:
    told = each.help.partition("\nOptions:")[0]
    prose = [line for line in told.splitlines() if not line.startswith(f"  {each.program} ")]
    assert not [line for line in prose if re.search(r"\S {2,}\S|^ {3,}|\\", line)], told


@pytest.mark.parametrize("each", EVERY, ids=name)
def test_every_option_is_explained_in_a_sentence(each: Called) -> None:
    for option in each.command.params:
        if isinstance(option, click.Option):
            assert option.help, option.opts
            assert option.help[0].isupper(), option.help
            assert option.help.endswith((".", ").", ")")) or option.help.endswith("Default: here.")


@pytest.mark.parametrize("each", EVERY, ids=name)
def test_nothing_is_wider_than_a_terminal_but_an_example(each: Called) -> None:
    wide = [line for line in each.help.splitlines() if len(line) > 80]
    assert all(line.startswith(f"  {each.program} ") for line in wide), wide


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_is_asked_for_in_one_way(program: str) -> None:
    runner = CliRunner()
    for word in ("-h", "--help"):
        assert runner.invoke(PROGRAMS[program], [word]).exit_code == 0
    assert runner.invoke(PROGRAMS[program], ["--version"]).output.startswith(f"{program}, version")
    for each in LEAVES:
        if each.program == program:
            assert runner.invoke(each.command, ["--help"]).exit_code == 0, each.name


def examples(each: Called) -> list[str]:
    lines = (line.strip() for line in each.help.splitlines())
    usage = f"Usage: {each.name}"
    return [line for line in lines if line.startswith(f"{each.program} ") and line != usage]


@pytest.mark.parametrize("each", [e for e in EVERY if len(e.words) > 1], ids=name)
def test_every_help_has_an_example_of_its_own(each: Called) -> None:
    own = [line for line in examples(each) if line.startswith(f"{each.name} ") or line == each.name]
    assert own or [line for line in examples(each) if line.split("   ")[0] == each.name], each.help


@pytest.mark.parametrize(
    "line", sorted({line for each in EVERY for line in examples(each)}), ids=str
)
def test_an_example_is_a_command_that_is_understood(line: str) -> None:
    """Its words are read as the command would read them; nothing is carried out."""
    text = re.split(r" {2,}", line)[0].removesuffix("\\").strip()
    words = shlex.split(re.split(r" [>|] ", text)[0])
    found, rest = called(words)
    assert not found.is_group, line
    if text != line and line.endswith("\\"):
        return  # goes on in the next line
    parser = found.command.make_parser(click.Context(found.command))
    values, left, _ = parser.parse_args(rest)
    assert not left, line
    for option in found.command.params:
        if isinstance(option, click.Option) and option.required:
            assert values.get(option.name or ""), (line, option.name)
