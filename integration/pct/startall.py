"""What a PVE node does when it boots: start the guests that are `onboot`, in their order."""

import re
import sys

from integration.pct import lxcworld
from offctl_agent.simulated import pct, pctworld


def main() -> int:
    """Start them one after the other; one that fails keeps nobody from starting."""
    world = lxcworld.world()
    waiting = []
    for number in world.files.numbers():
        options = pctworld.load(world, number).main.options
        if options.get("onboot") == "1":
            match = re.search(r"(?:^|order=)(\d+)", options.get("startup", ""))
            waiting.append((int(match[1]) if match else sys.maxsize, number))
    failed = 0
    for _, number in sorted(waiting):
        result = pct.run(world, ["start", str(number)])
        failed += result.code != 0
        sys.stderr.write(result.stdout + result.stderr)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
