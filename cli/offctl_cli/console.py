"""What goes to the terminal when a command fails: what is wrong, and what to do."""

import sys
from typing import NoReturn

import click

from offctl import errors
from offctl.text import visible


def say(error: errors.OffctlError) -> None:
    """Say what is wrong and what to do."""
    click.echo(f"offctl: {visible(str(error))} [{error.code}]", err=True)
    if error.hint:
        click.echo(f"  hint: {visible(error.hint)}", err=True)


def fail(error: errors.OffctlError) -> NoReturn:
    """The same, and exit 3 for an unreachable coordinator, else 2."""
    say(error)
    sys.exit(3 if isinstance(error, errors.UnreachableError) else 2)


__all__ = ["fail", "say", "visible"]
