"""The mounts of a container: root volume first, then mp0, mp1, ... by number, never by path."""

from collections.abc import Mapping
import os
from pathlib import Path
from typing import Protocol

from integration.pct import beneath, kernel, programs
from offctl_agent.host import pctconf, pctschema
from offctl_agent.simulated import pctidmap, pctvalues
from offctl_agent.simulated.result import CommandError

# A tree with this file in it wants the machine's own /usr there.
OF_THE_HOST = "usr/.of-the-host"
# Of the options a mount may have, a read-only one honours only these.
_READ_ONLY_OPTIONS = frozenset({"nodev", "noexec", "nosuid"})


class Places(Protocol):
    """Where volumes are on the host."""

    def directory(self, volume: str) -> str:
        """The directory that a volume or a bind source is. Raises CommandError."""
        ...

    def image(self, volume: str) -> str:
        """The image file that a volume is; empty when it is something else."""
        ...


def rootfs(number: int) -> str:
    """Where the tree of a container is put together."""
    return f"/var/lib/lxc/{number}/rootfs"


def mount_tree(volumes: Places, number: int, file: pctconf.File, *, writable: bool = False) -> str:
    """Mount everything of a container. Raises OSError, CommandError.

    With `writable` the word `ro` means nothing, as when a container is created.
    """
    base = rootfs(number)
    Path(base).mkdir(parents=True, exist_ok=True)
    owner = pctidmap.root(pctidmap.lines(file))
    parts = pctschema.split(pctschema.ROOTFS, file.main.options.get("rootfs", ""))
    if not isinstance(parts, dict):
        raise CommandError("unable to parse rootfs", 255)
    _mount(volumes, parts, base, "", owner)
    if Path(base, OF_THE_HOST).exists():
        _mount(volumes, {"volume": "/usr", "ro": "1"}, base, "usr", owner)
    for key in pctvalues.mount_keys(file.main.options):
        # A line that cannot be parsed is a mount that is silently missing.
        if found := pctvalues.mount_parts(file.main.options[key]):
            kept = {k: v for k, v in found.items() if not (writable and k == "ro")}
            _mount(volumes, kept, base, found["mp"], owner)
    return base


def plug(volumes: Places, parts: Mapping[str, str], pid: int, owner: tuple[int, int]) -> str:
    """Mount one more thing where a running process has its root; for a process of its own."""
    mount = _detached(volumes, parts)
    kernel.enter_mount_namespace(pid)
    kernel.attach(mount, beneath.made("/", parts["mp"], owner))
    return ""


def _mount(
    volumes: Places, parts: Mapping[str, str], base: str, target: str, owner: tuple[int, int]
) -> None:
    image = volumes.image(parts["volume"])
    if image:
        place = beneath.made(base, target, owner)
        programs.run(["mount", "-o", "loop", image, f"/proc/{os.getpid()}/fd/{place}"])
        os.close(place)
        return
    mount = _detached(volumes, parts)
    place = beneath.made(base, target, owner)
    kernel.attach(mount, place)
    os.close(place)
    os.close(mount)


def _detached(volumes: Places, parts: Mapping[str, str]) -> int:
    source = beneath.opened(volumes.directory(parts["volume"]))
    mount = kernel.clone_directory(source)
    os.close(source)
    options = parts.get("mountoptions", "").split(";")
    read_only = pctschema.boolean(parts.get("ro", "0")) == "1"
    if read_only:
        options = ["ro", *(option for option in options if option in _READ_ONLY_OPTIONS)]
    kernel.set_attributes(mount, *options)
    return mount
