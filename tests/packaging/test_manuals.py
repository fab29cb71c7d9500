"""The manual pages say what the programs can do: every command, every option, and no other."""

from collections.abc import Iterator
import re

import click
import pytest

from offctl_agent.__main__ import agent
from offctl_cli.__main__ import offctl_command
from offctl_coordinator.__main__ import coordinator_command
from offctl_courier.__main__ import courier_command
from unitfiles import ROOT

MANUALS = ROOT / "docs" / "man"
PROGRAMS: dict[str, click.Group] = {
    "offctl.1": offctl_command,
    "offctl-agent.8": agent,
    "offctl-courier.8": courier_command,
    "offctl-coordinator.8": coordinator_command,
}


def walked(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from walked(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


def options(command: click.Command) -> set[str]:
    long = {option for parameter in command.params for option in parameter.opts}
    return {option.removeprefix("--") for option in long if option.startswith("--")}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_manual_has_every_command_and_every_option_and_no_other(name: str) -> None:
    text = (MANUALS / name).read_text(encoding="utf-8")
    wanted = {"help", "version"}
    for words, command in walked(PROGRAMS[name]):
        assert re.search(rf"(?m)^\.?.*\bCm {words}\b", text), f"{name} has no {words}"
        wanted |= options(command)
    assert set(re.findall(r"\bFl -([a-z-]+)", text)) == wanted


def test_every_manual_is_in_a_package() -> None:
    shipped = {
        line
        for file in (ROOT / "debian").glob("*.manpages")
        for line in file.read_text(encoding="utf-8").split()
    }
    assert shipped == {f"docs/man/{file.name}" for file in MANUALS.iterdir()}


@pytest.mark.parametrize("name", sorted(file.name for file in MANUALS.iterdir()))
def test_what_a_manual_refers_to_of_ours_exists(name: str) -> None:
    text = (MANUALS / name).read_text(encoding="utf-8")
    for page, section in re.findall(r"\.Xr (offctl\S*) ([0-9])", text):
        assert (MANUALS / f"{page}.{section}").exists(), f"{page}({section})"
