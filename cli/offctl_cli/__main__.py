"""`offctl`: parse, call, print, exit."""

import importlib

import click

import offctl
from offctl import pipes, program
from offctl_cli import examples

# Command name -> module below offctl_cli.commands with the same click command as `command`;
# loaded only when asked for, so that `offctl check` never imports grpc.
COMMANDS = {
    "adopt": "adopt",
    "approve": "approve",
    "check": "check",
    "compile": "compile",
    "diff": "diff",
    "events": "events",
    "explain": "explain",
    "freeze": "freeze",
    "graph": "graph",
    "history": "history",
    "host": "host",
    "identity": "identity",
    "key": "key",
    "plan": "plan",
    "publish": "publish",
    "revert": "revert",
    "rollout": "rollout",
    "schema": "schema",
    "sign": "sign",
    "status": "status",
    "trust": "trust",
    "tunnel": "tunnel",
    "tunnels": "tunnels",
}


class LazyGroup(click.Group):
    """A click group whose commands are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"offctl_cli.commands.{COMMANDS[cmd_name]}")
        command: click.Command = module.command
        program.with_examples(command, cmd_name, examples.EXAMPLES)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(offctl.__version__, prog_name="offctl")
def offctl_command() -> None:
    """Make what one signed file says true on every Proxmox host, and see that it is."""


def main() -> None:
    """Run one command."""
    pipes.end_with_reader()
    program.run("offctl", offctl_command, examples.STOPPED)


if __name__ == "__main__":
    main()
