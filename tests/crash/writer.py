"""What strace interrupts: one durable change by the write primitive, between two marks.

`python writer.py OPERATION DIRECTORY`; exit 0 done, 3 a typed refusal. Run without site-packages,
so that nothing but the change itself happens between the marks.
"""

from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "common"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "agent"))

from offctl import errors, files
from offctl_agent.proxmox.pve import Pve

OLD, NEW = b"old " * 300, b"new " * 500
CONTAINER = "etc/pve/nodes/off2/lxc/113.conf"


def mark(name: str) -> None:
    """A system call that the tracer can find."""
    Path("/mark", name).exists()


def change(operation: str, path: Path) -> None:
    match operation:
        case "write":
            files.write(path, NEW, mode=files.PRIVATE)
        case "create":
            files.create(path.with_name("created"), NEW)
        case "append":
            files.append(path, NEW)
        case "remove":
            files.remove(path)
        case "aside":
            files.move_aside(path)
        case "directory":
            files.make_directory(path.with_name("made") / "inner", mode=0o700)
        case "edit":
            Pve(path.parent, "off2").edit(113, lambda _: NEW)


def main() -> None:
    operation, directory = sys.argv[1], Path(sys.argv[2])
    mark("begin")
    try:
        change(operation, directory / "file")
    except errors.OffctlError:
        sys.exit(3)
    finally:
        mark("end")


if __name__ == "__main__":
    main()
