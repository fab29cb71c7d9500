"""Every command of every program, for tests about all of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import click

from offctl_agent.__main__ import agent
from offctl_cli.__main__ import offctl_command
from offctl_coordinator.__main__ import coordinator_command
from offctl_courier.__main__ import courier_command

PROGRAMS: dict[str, click.Group] = {
    "offctl": offctl_command,
    "offctl-agent": agent,
    "offctl-courier": courier_command,
    "offctl-coordinator": coordinator_command,
}


@dataclass(frozen=True)
class Called:
    """One command, by the words it is called with."""

    words: tuple[str, ...]
    command: click.Command

    @property
    def program(self) -> str:
        return self.words[0]

    @property
    def name(self) -> str:
        return " ".join(self.words)

    @property
    def is_group(self) -> bool:
        return isinstance(self.command, click.Group)

    @property
    def help(self) -> str:
        """As it is shown on a terminal of 80 columns."""
        context = click.Context(self.command, info_name=self.name, terminal_width=80)
        return self.command.get_help(context)


def every() -> list[Called]:
    return [each for name, group in PROGRAMS.items() for each in _walked((name,), group)]


def leaves() -> list[Called]:
    return [each for each in every() if not each.is_group]


def called(words: list[str]) -> tuple[Called, list[str]]:
    """The command that some words call, and what is left for it."""
    command: click.Command = PROGRAMS[words[0]]
    at = 1
    while isinstance(command, click.Group) and at < len(words):
        found = command.get_command(click.Context(command), words[at])
        if found is None:
            break
        command, at = found, at + 1
    return Called(tuple(words[:at]), command), words[at:]


def _walked(words: tuple[str, ...], command: click.Command) -> Iterator[Called]:
    yield Called(words, command)
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from _walked((*words, name), found)
