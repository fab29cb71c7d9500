"""`offctl-courier`: parse, call, print, exit."""

import asyncio
import os
from pathlib import Path
import sys

import click

import offctl
from offctl import errors, service
from offctl_agent import config as configs
from offctl_courier import program


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(offctl.__version__, prog_name="offctl-courier")
def courier_command() -> None:
    """Carry releases to this host and its reports away."""


@courier_command.command()
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default=configs.DEFAULT,
    show_default=True,
)
def run(path: Path) -> None:
    """Carry until stopped; SIGHUP reads the trust root and certificates again."""
    service.log("offctl-courier", os.environ)
    config = configs.load(path)
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(program.run(config, os.environ))


def main() -> None:
    """Run one command; exit 2 for our own errors."""
    try:
        sys.exit(courier_command.main(prog_name="offctl-courier", standalone_mode=False))
    except errors.OffctlError as error:
        print(f"offctl-courier: {error} [{error.code}]", file=sys.stderr)
        if error.hint:
            print(f"  hint: {error.hint}", file=sys.stderr)
        sys.exit(2)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)


if __name__ == "__main__":
    main()
