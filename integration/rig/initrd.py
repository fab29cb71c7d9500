"""The smallest initial RAM disk that finds the root disk: busybox, a few modules, ten lines."""

import lzma
from pathlib import Path
import stat

WANTED = ("virtio_pci", "virtio_blk", "ext4", "virtio_rng", "virtio_console", "virtio_net")
INIT = """\
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in {modules}; do /bin/busybox insmod /modules/$module; done
while ! [ -b /dev/vda ]; do /bin/busybox sleep 0.02; done
/bin/busybox mount -t ext4 /dev/vda /root
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
"""


def build(root: Path, modules: Path, needs: str) -> bytes:
    """The bytes of it, for a guest's root, its kernel's modules, and what depmod says of these."""
    order = _load_order(needs)
    names = [Path(path).name.removesuffix(".xz") for path in order]
    archive = _Archive()
    for directory in ("bin", "dev", "modules", "root"):
        archive.add(directory, stat.S_IFDIR | 0o755, b"")
    archive.add("bin/busybox", stat.S_IFREG | 0o755, (root / "bin/busybox").read_bytes())
    for path, name in zip(order, names, strict=True):
        data = (modules / path).read_bytes()
        content = lzma.decompress(data) if path.endswith(".xz") else data
        archive.add(f"modules/{name}", stat.S_IFREG | 0o644, content)
    archive.add("init", stat.S_IFREG | 0o755, INIT.format(modules=" ".join(names)).encode())
    return archive.end()


def _load_order(written: str) -> list[str]:
    """The wanted modules, each after those it needs; what is built into the kernel is not there."""
    needs = {}
    for line in written.splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    by_name = {Path(path).name.partition(".")[0].replace("-", "_"): path for path in needs}
    order: list[str] = []

    def add(path: str) -> None:
        for need in needs[path]:
            add(need)
        if path not in order:
            order.append(path)

    for name in WANTED:
        if name in by_name:
            add(by_name[name])
    return order


class _Archive:
    """A cpio archive of the kind the kernel reads ("newc")."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._number = 0

    def add(self, name: str, mode: int, content: bytes) -> None:
        self._number += 1
        encoded = name.encode() + b"\0"
        # inode, mode, uid, gid, links, mtime, size, device and special device, name's length, sum
        numbers = (self._number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
        self._data += b"070701" + b"".join(b"%08X" % number for number in numbers) + encoded
        self._pad()
        self._data += content
        self._pad()

    def end(self) -> bytes:
        self.add("TRAILER!!!", 0, b"")
        return bytes(self._data)

    def _pad(self) -> None:
        self._data += b"\0" * (-len(self._data) % 4)
