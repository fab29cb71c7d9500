"""Three hosts and a coordinator for a person to play with, until Ctrl-C.

python -m integration.vm
"""

from pathlib import Path
import shlex
import signal
import sys
import tempfile

from integration.rig.control import GuestError
from integration.rig.fleet import Fleet
from integration.rig.process import RigError
from integration.suites import installing, proxmox, stock
from integration.suites.scene import Scene


def main() -> int:
    """Start them, say how to get in, wait."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory(prefix="offctl-debs-") as debs:
            built = stock.build_debs(Path(debs))
            base = proxmox.ready(stock.booted(tell), tell, product=True)
            settled = installing.settled(base, built, tell)
        with Fleet(stock.HARDWARE, base) as fleet:
            explain(Scene.resumed(fleet, settled))
            signal.pause()
    except KeyboardInterrupt:
        tell("taken down")
    except (RigError, GuestError) as error:
        tell(f"cannot start: {error}")
        return 1
    return 0


def explain(scene: Scene) -> None:
    """How to get in."""
    python = shlex.quote(sys.executable)
    offctl = shlex.quote(str(Path(sys.executable).parent / "offctl"))
    tell(scene.offctl("status"))
    tell("consoles, as root:")
    for machine in scene.fleet.machines:
        tell(f"  {python} -m integration.rig console {machine.home}")
    tell(f"the operator's desk (site, keys, releases) is {scene.desk}; from there:")
    tell(f"  cd {shlex.quote(str(scene.desk))} && export OFFCTL_CONFIG=$PWD/operator.toml")
    tell(f"  {offctl} status off1 --all")
    tell(f"  {offctl} sign site --key release.pem --previous 2.release -o 3.release")
    tell(f"  {offctl} publish 3.release")
    tell("Ctrl-C here ends all of it")


def tell(line: str) -> None:
    """Everything here is for the person who waits."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
