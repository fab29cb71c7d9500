"""Make a guest look like a Proxmox VE host. Running either step again changes nothing.

python3 -m integration.pve install [--bridge NAME=ADDRESS/LENGTH]
python3 -m integration.pve host --node NAME [--storage NAME=DATASET]
"""

import argparse
from pathlib import Path
import sys

from integration.pct import etcpve
from integration.pve import layout, programs, templates


def main() -> int:
    """Carry out one step."""
    arguments = _parser().parse_args()
    if arguments.step == "install":
        layout.grant_subids()
        templates.make(Path("/var/lib/vz/template/cache"))
        programs.install(dict(arguments.bridge))
    elif arguments.step == "host":
        layout.lay_out(arguments.node, dict(arguments.storage))
    else:
        etcpve.list_guests()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="integration.pve", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    install = steps.add_parser("install", help="programs, units, templates, bridges")
    install.add_argument(
        "--bridge", action="append", default=[], type=_pair, metavar="NAME=ADDRESS/LENGTH"
    )
    host = steps.add_parser("host", help="/etc/pve of one host, and the datasets of its storages")
    host.add_argument("--node", required=True, help="the name PVE has for this host")
    host.add_argument("--storage", action="append", default=[], type=_pair, metavar="NAME=DATASET")
    steps.add_parser("vmlist", help="bring .vmlist up to date after files were written by hand")
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
