"""/etc/pve/storage.cfg: the storages a host can put volumes and templates on. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offctl import errors


@dataclass(frozen=True, slots=True)
class Storage:
    """One section: its type (zfspool, dir, ...) and its properties."""

    kind: str
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """The dataset of a zfspool, the directory of a dir."""
        return self.properties.get("pool", "") or self.properties.get("path", "")

    @property
    def contents(self) -> frozenset[str]:
        """What may be kept on it: rootdir, images, vztmpl, ..."""
        return frozenset(self.properties.get("content", "").split(","))


def parse(content: bytes) -> dict[str, Storage]:
    """The storages by name. Raises MalformedError for a property that belongs to none."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    name = ""
    for line in content.decode("utf-8", errors="replace").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith((" ", "\t")) and ":" in line:
            kind, _, name = (part.strip() for part in line.partition(":"))
            found[name] = (kind, {})
        elif name:
            key, _, value = line.strip().partition(" ")
            found[name][1][key] = value.strip()
        else:
            raise errors.MalformedError(f"cannot read storage.cfg: {line[:80]!r}")
    return {name: Storage(kind, properties) for name, (kind, properties) in found.items()}
