"""A stand-in for Proxmox VE's `pct`, for tests only and never shipped."""

import os
import signal
import sys
from types import FrameType

from integration.pct import lxcworld
from offctl.errors import OffctlError
from offctl_agent.simulated import pct
from offctl_agent.simulated.result import CommandError


def main() -> int:
    """Carry out one command line."""
    if os.geteuid():
        print("please run as root", file=sys.stderr)
        return 255
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _interrupted)
    try:
        result = pct.run(lxcworld.world(), sys.argv[1:])
    except (OffctlError, CommandError, OSError) as error:
        print(f"the stand-in for pct failed: {error}", file=sys.stderr)
        return 255
    sys.stdout.write(result.stdout)
    sys.stdout.flush()
    sys.stderr.write(result.stderr)
    return result.code


def _interrupted(number: int, frame: FrameType | None) -> None:
    """A worker of PVE's that is asked to end cleans up first."""
    del number, frame
    raise CommandError("received interrupt", 255)


if __name__ == "__main__":
    sys.exit(main())
