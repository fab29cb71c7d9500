"""`offctl-simhost`: make a simulated host, and do to it what an operator does by hand.

offctl-simhost DIR init --node off2 --pool zfs-hdd --storage zfs-hdd=zfs-hdd/pve
offctl-simhost DIR pct stop 110
offctl-simhost DIR zfs set atime=on zfs-hdd/off/images
offctl-simhost DIR path /zfs-hdd/off/images
"""

import argparse
from pathlib import Path
import sys

from offctl.errors import AuthorError, OffctlError
from offctl_agent.simulated import layout, programs
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.pve import LOCAL
from offctl_agent.simulated.store import Store

PROGRAMS = ("pct", "zfs")


def main(argv: list[str] | None = None) -> int:
    """Run one command on the host in a directory; its exit status is the program's own."""
    words = sys.argv[1:] if argv is None else argv
    try:
        return _run(words)
    except OffctlError as error:
        print(f"offctl-simhost: {error}", file=sys.stderr)
        return 1


def _run(words: list[str]) -> int:
    # Everything after pct or zfs belongs to that program, whatever it looks like.
    at = next((i for i, word in enumerate(words[1:], 1) if word in PROGRAMS), len(words))
    arguments = _parser().parse_args([*words[:at], *words[at : at + 1]])
    store = Store(arguments.directory)
    machine = Machine(store, arguments.node or _node(store))
    if arguments.command in PROGRAMS:
        return _program(machine, words[at:])
    if arguments.command == "init":
        layout.create(machine, imported=arguments.pool, storages=dict(arguments.storage))
    else:
        print(machine.locate(arguments.path))
    return 0


def _program(machine: Machine, argv: list[str]) -> int:
    result = programs.run(machine, argv)
    sys.stdout.write(result.stdout)
    sys.stderr.write(result.stderr)
    return result.code


def _node(store: Store) -> str:
    try:
        return store.path(LOCAL).readlink().name
    except OSError:
        raise AuthorError(
            f"cannot use {store.root}: it is no simulated host",
            hint="make one with: offctl-simhost DIR init --node NAME --pool POOL",
        ) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="offctl-simhost", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("directory", type=Path, help="where the simulated host lives")
    parser.add_argument("--node", default="", help="its name (default: whom /etc/pve belongs to)")
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser("init", help="make an empty host")
    init.add_argument("--node", default=argparse.SUPPRESS)
    init.add_argument("--pool", action="append", default=[])
    init.add_argument("--storage", action="append", default=[], type=_pair, metavar="NAME=DATASET")
    path = commands.add_parser("path", help="print the real directory behind a host path")
    path.add_argument("path")
    for program in PROGRAMS:
        commands.add_parser(program, help=f"run {program} on the host", add_help=False)
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, equals, dataset = text.partition("=")
    if not name or not equals or not dataset:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=DATASET")
    return name, dataset


if __name__ == "__main__":
    sys.exit(main())
