"""A guest's kernel, initial RAM disk and root disk: made once, of what apt offers that day."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import os
from pathlib import Path
import shutil
import time

from integration.rig import cache, initrd, release
from integration.rig.process import RigError, run
from integration.rig.release import Release

STEPS = cache.ROOT / "integration" / "image"
GUEST = Path(__file__).resolve().parent / "guest"


@dataclass(frozen=True, slots=True)
class Image:
    """What a guest boots from; `disk` is only ever the backing of another."""

    boot: Path
    disk: Path
    key: str


def build(tell: Callable[[str], None]) -> Image:
    """The image of the chosen release; what is there already is used. Raises RigError."""
    if os.geteuid() != 0:
        raise RigError("cannot build the rig: only root can make a root directory for guests")
    # apt waits for nobody.
    with cache.locked(cache.directory() / "tools.lock"):
        run(STEPS / "tools")
    chosen = release.chosen()
    root_key = cache.key(chosen.name, STEPS / "root", *chosen.packages)
    kernel_key = cache.key(chosen.name, STEPS / "module")
    # Much of both waits for one dpkg or one compiler.
    with ThreadPoolExecutor(2) as pool:
        kernel_made = pool.submit(
            _made,
            tell,
            f"{chosen.name}-kernel",
            kernel_key,
            lambda path: _make_kernel(chosen, path),
        )
        root_made = pool.submit(
            _made, tell, f"{chosen.name}-root", root_key, lambda path: _make_root(chosen, path)
        )
    root, kernel = root_made.result(), kernel_made.result()
    parts = (root_key, kernel_key, STEPS / "disk", GUEST, Path(initrd.__file__))
    image_key = cache.key(*parts)
    image = _made(
        tell, f"{chosen.name}-image", image_key, lambda path: _make_image(root, kernel, path)
    )
    return Image(image, image / "disk.qcow2", image_key)


def _made(tell: Callable[[str], None], kind: str, key: str, make: Callable[[Path], None]) -> Path:
    started = time.monotonic()

    def timed(path: Path) -> None:
        tell(f"{kind}: being made")
        make(path)
        tell(f"{kind}: {time.monotonic() - started:.0f} s")

    return cache.made(kind, key, timed)


def _make_root(chosen: Release, path: Path) -> None:
    packages = path / "packages"
    packages.write_text("".join(f"{name}\n" for name in chosen.packages))
    run(STEPS / "root", chosen.name, chosen.mirror, packages, path / "root")


def _make_kernel(chosen: Release, path: Path) -> None:
    work = path / "work"
    _apart(STEPS / "module", chosen.name, chosen.mirror, work, path)
    shutil.rmtree(work)


def _make_image(root: Path, kernel: Path, path: Path) -> None:
    work = path / "work"
    _apart(STEPS / "disk", root / "root", kernel, GUEST, work, path / "disk.qcow2")
    shutil.rmtree(work)
    version = (kernel / "version").read_text().strip()
    shutil.copy(kernel / "vmlinuz", path / "vmlinuz")
    needs = (path / "modules.dep").read_text()
    content = initrd.build(root / "root", kernel / "modules" / version, needs)
    (path / "initrd").write_bytes(content)


def _apart(*argv: str | Path) -> None:
    """A step in namespaces of its own: what it mounts or leaves running ends with it."""
    run("unshare", "--mount", "--pid", "--fork", "--kill-child", *argv)
