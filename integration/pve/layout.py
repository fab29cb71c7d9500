"""/etc/pve as a plain directory, storage.cfg, and the subordinate ids PVE gives root."""

from collections.abc import Mapping
import json
from pathlib import Path

from integration.pct import etcpve, programs

SUBIDS = "root:100000:65536\n"
LOCAL = "dir: local\n\tpath /var/lib/vz\n\tcontent vztmpl,iso,backup,snippets,rootdir,images\n"


def lay_out(node: str, storages: Mapping[str, str]) -> None:
    """Make what is missing of /etc/pve, and the datasets of the storages."""
    root = etcpve.ROOT
    for folder in ("lxc", "qemu-server"):
        (root / "nodes" / node / folder).mkdir(parents=True, exist_ok=True)
    for name, target in (("local", f"nodes/{node}"), ("lxc", f"nodes/{node}/lxc")):
        if not (root / name).is_symlink():
            (root / name).symlink_to(target)
    text = LOCAL
    for name, dataset in sorted(storages.items()):
        text += f"\nzfspool: {name}\n\tpool {dataset}\n\tcontent rootdir,images\n"
        if programs.call(["zfs", "list", dataset]).code:
            programs.run(["zfs", "create", "-p", dataset])
    (root / "storage.cfg").write_text(text)
    members = {"nodename": node, "version": 1}
    (root / ".members").write_text(json.dumps(members) + "\n")
    etcpve.list_guests()


def grant_subids() -> None:
    """The line that PVE's installer writes."""
    for name in ("/etc/subuid", "/etc/subgid"):
        path = Path(name)
        content = path.read_text() if path.exists() else ""
        if SUBIDS not in content:
            path.write_text(content + SUBIDS)
