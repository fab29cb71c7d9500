"""A `pct` that is a program of its own: a simulated host's, which also shows what it did in /proc.

Called as: program.py ROOT NODE pct ARGUMENTS...
"""

from pathlib import Path
import stat
import sys

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SOURCES = ("agent", "common", "tests")


def installed(root: Path, node: str, where: Path) -> Path:
    """An executable `pct` for the simulated host in `root`."""
    path = where / "pct"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} {root} {node} pct "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def main(root: Path, node: str, argv: list[str]) -> int:
    from fakes.kernel import Kernel
    from offctl_agent.simulated import programs
    from offctl_agent.simulated.machine import Machine
    from offctl_agent.simulated.store import Store

    machine = Machine(Store(root), node)
    result = programs.run(machine, argv)
    Kernel(machine, root).render()
    # As PVE does it: what a task says goes to stdout, its last word to stderr.
    sys.stdout.write(result.stdout)
    sys.stderr.write(result.stderr)
    return result.code


if __name__ == "__main__":
    sys.path[:0] = [str(REPOSITORY / source) for source in SOURCES]
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
