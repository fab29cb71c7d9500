"""Whether a program of ours would take a command line, without running it."""

import shlex

import click

from offctl_agent.__main__ import agent
from offctl_cli.__main__ import offctl_command
from offctl_coordinator.__main__ import coordinator_command
from offctl_courier.__main__ import courier_command

GROUPS: dict[str, click.Command] = {
    "offctl": offctl_command,
    "offctl-agent": agent,
    "offctl-courier": courier_command,
    "offctl-coordinator": coordinator_command,
}


def refused(text: str) -> str:
    """Why the program would not take it; empty when it would.

    `…`, `[…]` and `|` between words of which one is meant are how sentences abbreviate.
    """
    program, *words = shlex.split(text.replace("…", ""))
    command, context = GROUPS[program], click.Context(GROUPS[program], info_name=program)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            return f"{command.name} has no command {words[0]}"
        command, context = found, click.Context(found, parent=context, info_name=words.pop(0))
    try:
        _, left, _ = command.make_parser(context).parse_args(
            [word for word in words if not word.startswith("[")]
        )
    except click.UsageError as error:
        return error.format_message()
    return f"too many words: {left}" if left else ""
