"""The rig from the command line: build it, or try something in a fresh guest.

python -m integration.rig build
python -m integration.rig run [--memory MIB] [--put FILE:PATH ...] -- COMMAND ...
python -m integration.rig console DIRECTORY
python -m integration.rig clean
"""

import argparse
from pathlib import Path
import shutil
import sys
import time

from integration.rig import cache, golden, image
from integration.rig.console import attach
from integration.rig.control import GuestError
from integration.rig.fleet import Fleet
from integration.rig.hardware import Hardware
from integration.rig.process import RigError


def main() -> int:
    """Parse, do, say what went wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m integration.rig", description=__doc__.splitlines()[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "build", help="make the image and the booted state, or see that they are there"
    )
    commands.add_parser("clean", help="remove everything that was made")
    run = commands.add_parser("run", help="run one command in a fresh guest, as root")
    run.add_argument("--memory", type=int, default=Hardware().memory, help="MiB")
    run.add_argument("--timeout", type=float, default=600.0, help="seconds for the command")
    run.add_argument(
        "--put",
        action="append",
        default=[],
        metavar="FILE:PATH",
        help="copy a file or directory in first",
    )
    run.add_argument("--name", default="host", help="the guest's host name")
    console = commands.add_parser("console", help="sit at a running guest's console")
    console.add_argument("directory", type=Path, help="the guest's directory")
    run.add_argument("argv", nargs="+", metavar="COMMAND")
    options = parser.parse_args()
    try:
        match options.command:
            case "build":
                base(Hardware())
            case "run":
                return run_once(options)
            case "console":
                attach(options.directory / "console.sock")
            case "clean":
                shutil.rmtree(cache.directory())
    except (RigError, GuestError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def tell(line: str) -> None:
    """Progress of what takes long."""
    print(line, file=sys.stderr, flush=True)


def base(hardware: Hardware) -> golden.Golden:
    """The booted state for this hardware."""
    return golden.booted(image.build(tell), hardware, tell)


def run_once(options: argparse.Namespace) -> int:
    """Boot one guest, run one command, print what it printed."""
    hardware = Hardware(memory=options.memory)
    state = base(hardware)
    started = time.monotonic()
    with Fleet(hardware, state) as fleet:
        (machine,) = fleet.add(options.name)
        tell(f"guest there after {time.monotonic() - started:.1f} s")
        for pair in options.put:
            source, _, target = pair.partition(":")
            mode = 0o755 if Path(source).stat().st_mode & 0o100 else 0o644
            machine.put(target, Path(source), mode=mode)
        done = machine.run(*options.argv, check=False, timeout=options.timeout)
        print(done.stdout, end="")
        print(done.stderr, end="", file=sys.stderr)
        return done.code


if __name__ == "__main__":
    sys.exit(main())
