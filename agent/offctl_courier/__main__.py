"""`offctl-courier`: parse, call, print, exit."""

import asyncio
import os
from pathlib import Path

import click

import offctl
from offctl import program as commandline
from offctl import service
from offctl_agent import config as configs
from offctl_courier import examples, program


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
    help="The host's agent.toml.",
)
def run(path: Path) -> None:
    """Carry until stopped; SIGHUP reads the trust root and certificates again."""
    service.log("offctl-courier", os.environ)
    config = configs.load(path)
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(program.run(config, os.environ))


commandline.with_examples(courier_command, "", examples.EXAMPLES)


def main() -> None:
    """Run one command."""
    commandline.run("offctl-courier", courier_command, examples.STOPPED)


if __name__ == "__main__":
    main()
