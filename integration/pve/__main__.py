"""Make a guest look like a Proxmox VE host. Running either step again changes nothing.

python3 -m integration.pve install [--bridge NAME=ADDRESS/LENGTH]
python3 -m integration.pve host --node NAME [--storage NAME=DATASET]
python3 -m integration.pve quorum lost|regained
python3 -m integration.pve pmxcfs gone|back
"""

import argparse
from pathlib import Path
import sys

from integration.pct import etcpve
from integration.pve import layout, programs, quorum, templates


def main() -> int:
    """Carry out one step."""
    arguments = _parser().parse_args()
    match arguments.step:
        case "install":
            layout.grant_subids()
            templates.make(Path("/var/lib/vz/template/cache"))
            programs.install(dict(arguments.bridge))
        case "host":
            layout.lay_out(arguments.node, dict(arguments.storage))
            # pmxcfs always has one, though it be empty.
            etcpve.list_guests()
        case "quorum":
            (quorum.lose if arguments.state == "lost" else quorum.regain)()
        case "pmxcfs":
            (quorum.unmount if arguments.state == "gone" else quorum.mount)()
        case _:
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
    states = {"quorum": ("lost", "regained"), "pmxcfs": ("gone", "back")}
    for name, words in states.items():
        steps.add_parser(name, help="take it away, give it back").add_argument(
            "state", choices=words
        )
    steps.add_parser("vmlist", help="bring .vmlist up to date after files were written by hand")
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
