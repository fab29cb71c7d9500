"""Lay out the world of a Proxmox VE host in a guest. Running it again changes nothing."""

import argparse
from pathlib import Path
import sys

from integration.pve import layout, programs, templates


def main() -> int:
    """Lay everything out."""
    arguments = _parser().parse_args()
    layout.lay_out_pve(arguments.node, dict(arguments.storage))
    layout.grant_subids()
    templates.make(Path("/var/lib/vz/template/cache"))
    programs.install(dict(arguments.bridge))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="integration.pve", description=__doc__)
    parser.add_argument("--node", required=True, help="the name PVE has for this host")
    parser.add_argument(
        "--storage",
        action="append",
        default=[],
        type=_pair,
        metavar="NAME=DATASET",
        help="a zfspool storage; the dataset is made when its pool is there",
    )
    parser.add_argument(
        "--bridge", action="append", default=[], type=_pair, metavar="NAME=ADDRESS/LENGTH"
    )
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
