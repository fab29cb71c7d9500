"""What LXC calls before a container starts and after it has stopped (`ID lxc pre-start|post-stop`).

A failing mount gives its errno as exit status and nothing else: that is how little PVE says, too.
"""

import sys

from integration.pct import guestfiles, lxcworld, mounting
from integration.pct.zvolumes import ZVolumes
from offctl_agent.simulated import pctlife, pctworld
from offctl_agent.simulated.result import CommandError


def main() -> int:
    """Carry out one hook."""
    number, which = int(sys.argv[1]), sys.argv[3]
    world = lxcworld.world()
    try:
        if which == "post-stop":
            pctlife.after_stop(world, number)
        else:
            file = pctworld.load(world, number)
            base = mounting.mount_tree(ZVolumes(), number, file)
            guestfiles.write(base, file.main.options.get("ostype", ""), number, file)
    except CommandError as error:
        sys.stderr.write(error.message + "\n")
        return error.code or 255
    except OSError as error:
        return error.errno or 255
    return 0


if __name__ == "__main__":
    sys.exit(main())
