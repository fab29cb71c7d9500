"""How every program of ours is called, and what its end says: help, errors, exit status, Ctrl-C.

`docs/cli.md` has the exit statuses in one table.
"""

from collections.abc import Mapping, Sequence
import inspect
import sys
from typing import NoReturn

import click

from offctl import errors
from offctl.text import visible

# A command may find something and say so by its exit status; these are the same for every one.
DONE, REFUSED, UNREACHED, INTERRUPTED = 0, 2, 3, 130

Examples = Sequence[tuple[str, str]]

_WIDE = 56  # what is said of a longer one stands further to the right

_STOPPED = "what it was to change may be half done; call it again to see"


def run(program: str, command: click.Command, stopped: Mapping[str, str]) -> NoReturn:
    """Run the command that the arguments ask for, and exit.

    `stopped` says for each command what its user should know after Ctrl-C.
    """
    try:
        sys.exit(command.main(prog_name=program, standalone_mode=False))
    except errors.OffctlError as error:
        say(program, error)
        sys.exit(UNREACHED if isinstance(error, errors.UnreachableError) else REFUSED)
    except click.exceptions.Abort:
        click.echo(f"{program}: stopped; {_after(command, stopped)}", err=True)
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(REFUSED)


def say(program: str, error: errors.OffctlError) -> None:
    """Say what is wrong and what to do."""
    click.echo(f"{program}: {visible(str(error))} [{error.code}]", err=True)
    if error.hint:
        click.echo(f"  hint: {visible(error.hint)}", err=True)


def _after(command: click.Command, stopped: Mapping[str, str]) -> str:
    """By the longest name of a command that the arguments begin with."""
    words: list[str] = []
    for word in sys.argv[1:]:
        if not isinstance(command, click.Group) or word.startswith("-"):
            break
        found = command.get_command(click.Context(command), word)
        if found is None:
            break
        words, command = [*words, word], found
    return stopped.get(" ".join(words), _STOPPED)


def with_examples(command: click.Command, name: str, examples: Mapping[str, Examples]) -> None:
    """End the help of a command, and of every one below it, with examples where it has none."""
    if name in examples and "\b\n" not in (command.help or ""):
        command.help = f"{inspect.cleandoc(command.help or '')}\n\n\b\n{_shown(examples[name])}"
    if isinstance(command, click.Group):
        for word, each in command.commands.items():
            with_examples(each, f"{name} {word}".strip(), examples)


def _shown(examples: Examples) -> str:
    width = max((len(line) for line, _ in examples if len(line) <= _WIDE), default=0)
    return "\n".join(f"{line:{width}}   {why}".rstrip() for line, why in examples)
