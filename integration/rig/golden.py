"""Saved machine states: a guest that has booted, to start others from in about a second."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
import tempfile
import time

from integration.rig import cache
from integration.rig.hardware import Hardware
from integration.rig.hub import Hub
from integration.rig.image import Image
from integration.rig.machine import Machine
from integration.rig.process import run

HERE = Path(__file__).resolve().parent
# What decides how a state looks, beside image and hardware.
CODE = (HERE / "golden.py", HERE / "hardware.py")
SETTLED = 300.0


@dataclass(frozen=True, slots=True)
class Golden:
    """A state of memory and the disks that belong to it; both are only read."""

    directory: Path
    boot: Path
    key: str

    @property
    def state(self) -> Path:
        """The memory and devices."""
        return self.directory / "state"

    def disks(self, home: Path) -> tuple[Path, ...]:
        """New disks in `home` that begin as these."""
        return tuple(
            _overlay(disk, home / disk.name) for disk in sorted(self.directory.glob("disk*.qcow2"))
        )


def booted(image: Image, hardware: Hardware, tell: Callable[[str], None]) -> Golden:
    """A guest that has just booted."""
    qemu = run("qemu-system-x86_64", "--version")
    key = cache.key(image.key, repr(hardware), qemu, *CODE)

    def make(path: Path) -> None:
        started = time.monotonic()
        disks = [_overlay(image.disk, path / "disk0.qcow2")]
        for number in range(hardware.data_disks):
            disks.append(path / f"disk{number + 1}.qcow2")
            run("qemu-img", "create", "-q", "-f", "qcow2", disks[-1], f"{hardware.data_gib}G")
        _save(path, hardware, image.boot, tuple(disks), None, lambda _: None)
        tell(f"booted state: {time.monotonic() - started:.0f} s")

    return Golden(cache.made("golden", key, make), image.boot, key)


def prepared(
    base: Golden,
    hardware: Hardware,
    parts: tuple[str | bytes | Path, ...],
    prepare: Callable[[Machine], object],
    tell: Callable[[str], None],
) -> Golden:
    """A second level: `base` after `prepare`; `parts` are all that decides what that does."""
    key = cache.key(base.key, *parts)

    def make(path: Path) -> None:
        started = time.monotonic()
        _save(path, hardware, base.boot, base.disks(path), base.state, prepare)
        tell(f"prepared state: {time.monotonic() - started:.0f} s")

    return Golden(cache.made("golden", key, make), base.boot, key)


def _save(
    path: Path,
    hardware: Hardware,
    boot: Path,
    disks: tuple[Path, ...],
    state: Path | None,
    prepare: Callable[[Machine], object],
) -> None:
    hub = Hub()
    with tempfile.TemporaryDirectory(prefix="rig-") as temporary:
        machine = Machine("golden", Path(temporary) / "golden", hardware, boot, disks)
        hub.plug(machine.name, machine.home)
        try:
            machine.power_on(state)
            machine.wait_ready()
            prepare(machine)
            machine.run("systemctl", "is-system-running", "--wait", check=False, timeout=SETTLED)
            machine.sh("sync; fstrim / || true; echo 3 > /proc/sys/vm/drop_caches; sync")
            machine.save(path / "state")
        finally:
            machine.kill()
            hub.close()


def _overlay(backing: Path, path: Path) -> Path:
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", backing, path)
    return path
