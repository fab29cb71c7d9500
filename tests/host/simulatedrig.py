"""An operator at a simulated host."""

from pathlib import Path
import random

from offctl_agent.host.protocol import Host
from offctl_agent.simulated import layout, programs
from offctl_agent.simulated.host import SimulatedHost

NODE = "off2"
POOL = "tank"
STORAGE = "tank-pve"

_FAULTS = {
    "no_quorum": "no_quorum = true\n",
    "pve_not_mounted": "pve_not_mounted = true\n",
    "zfs_unreadable": 'zfs_unreadable = "{}"\n',
    "pool_missing": '[pools.{}]\nstate = "missing"\n',
    "pool_readonly": '[pools.{}]\nstate = "readonly"\n',
    "fails": "[[command]]\nargv = {}\n",
    "fails_after": "[[command]]\nafter = true\nargv = {}\n",
    "hangs": "[[hang]]\nargv = {}\n",
}


class SimulatedRig:
    """Satisfies host.rig.Rig."""

    pool = POOL
    storage = STORAGE

    def __init__(self, root: Path) -> None:
        self.root = root
        self.simulated = SimulatedHost(root, NODE, random=random.Random(1).randbytes)
        self.machine = self.simulated.machine
        layout.create(self.machine, imported=[POOL], storages={STORAGE: f"{POOL}/pve"})

    @property
    def host(self) -> Host:
        return self.simulated

    def run(self, *argv: str) -> int:
        return programs.run(self.machine, argv).code

    def read(self, number: int) -> bytes:
        return (self.root / f"etc/pve/lxc/{number}.conf").read_bytes()

    def write(self, number: int, content: bytes, *, node: str = "", kind: str = "lxc") -> None:
        folder = self.root / f"etc/pve/nodes/{node or NODE}/{kind}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.conf").write_bytes(content)

    def put(self, path: str, text: str) -> None:
        file = self.machine.locate(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def get(self, path: str) -> str | None:
        file = self.machine.locate(path)
        return file.read_text() if file.is_file() else None

    def link(self, path: str, target: str) -> None:
        self.machine.locate(path).symlink_to(target)

    def remove(self, path: str) -> None:
        file = self.machine.locate(path)
        if file.is_dir():
            file.rmdir()
        else:
            file.unlink()

    def damage(self, fault: str, value: str = "") -> None:
        words = repr(value.split()) if "argv" in _FAULTS[fault] else value
        (self.root / "faults.toml").write_text(_FAULTS[fault].format(words))

    def mend(self) -> None:
        (self.root / "faults.toml").unlink(missing_ok=True)
