"""Commands whose exit status says what they found: whatever goes wrong is a 1, and only that."""

from typing import Any

import click

from offctl import errors
from offctl_cli import console

FAILED = 1


class Comparing(click.Command):
    """Exit 0 nothing, 2 something, 3 something grave; 1 is an error of any kind."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read the arguments; a wrong one is an error too."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.ClickException as error:
            raise _shown(error) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            raise _shown(error) from error
        except errors.OffctlError as error:
            console.say(error)
            raise click.exceptions.Exit(FAILED) from error


def _shown(error: click.ClickException) -> click.exceptions.Exit:
    error.show()
    return click.exceptions.Exit(FAILED)
