"""`offctl-coordinator`: parse, call, print, exit."""

import asyncio
import os
from pathlib import Path

import click

import offctl
from offctl import program as commandline
from offctl import service
from offctl_coordinator import config as configs
from offctl_coordinator import directory as directories
from offctl_coordinator import examples, opening, program

_PATH = click.Path(path_type=Path)
_CONFIG = click.option(
    "--config",
    "path",
    type=_PATH,
    default=configs.DEFAULT,
    show_default=True,
    help="The coordinator's coordinator.toml.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(offctl.__version__, prog_name="offctl-coordinator")
def coordinator_command() -> None:
    """Serve signed releases to hosts and keep their reports."""


@coordinator_command.command()
@click.argument("directory", type=_PATH)
@click.option("--name", required=True, help="What the trust root calls this coordinator.")
def init(directory: Path, name: str) -> None:
    """Make a coordinator's keys and configuration in DIRECTORY."""
    path = directories.make(directory, name)
    print(directories.trust_lines(configs.load(path), name), end="")
    print(
        f"# next: put these lines into trust.toml, trust.toml into {directory}, then run\n"
        f"#   offctl-coordinator serve --config {path}"
    )


@coordinator_command.command()
@_CONFIG
@click.option("--name", required=True, help="What the trust root calls this coordinator.")
def show(path: Path, name: str) -> None:
    """Print the lines of trust.toml that speak for this coordinator."""
    print(directories.trust_lines(configs.load(path), name), end="")


@coordinator_command.command()
@_CONFIG
def serve(path: Path) -> None:
    """Serve until stopped; SIGHUP reads the trust root again."""
    service.log("offctl-coordinator", os.environ)
    config = configs.load(path)
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(program.run(config, _ready, os.environ))


@coordinator_command.group()
def database() -> None:
    """Look after the database."""


@database.command()
@click.argument("file", type=_PATH)
@_CONFIG
def copy(file: Path, path: Path) -> None:
    """Copy the SQLite database FILE into the empty server that `database` names."""
    service.log("offctl-coordinator", os.environ, plain=True)
    config = program.with_credentials(configs.load(path), os.environ)
    for name, number in opening.copied(file, config).items():
        print(f"{name.replace('_', ' ')}: {number}")
    print(f"# copied and compared; {file} has all of it still and is not used any more")


def _ready(site: str, address: str) -> None:
    print(f"serving {site} on {address}", flush=True)


commandline.with_examples(coordinator_command, "", examples.EXAMPLES)


def main() -> None:
    """Run one command."""
    commandline.run("offctl-coordinator", coordinator_command, examples.STOPPED)


if __name__ == "__main__":
    main()
