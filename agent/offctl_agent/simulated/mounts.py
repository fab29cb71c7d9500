"""The mount table of a simulated host, with the kernel's rule of what hides what.

A mount is attached to a directory of the mount that was visible when it was made; a later mount on
an outer directory hides it although it is still there. Datasets are known by guid here.
"""

from dataclasses import dataclass
import posixpath

from offctl import errors

ROOT = ""


@dataclass(frozen=True, slots=True)
class Attached:
    """One mount: dataset `guid`, on directory `at` of mount number `parent` (0 is the root)."""

    number: int
    guid: str
    path: str
    parent: int
    at: str


@dataclass(frozen=True, slots=True)
class Place:
    """A directory: `path` inside the dataset `guid` (empty: the root file system)."""

    guid: str
    path: str

    def below(self, path: str) -> "Place":
        """The directory at a relative path inside this one."""
        return Place(self.guid, posixpath.join(self.path, path) if path else self.path)


@dataclass(frozen=True, slots=True)
class MountTable:
    """All mounts, oldest first."""

    mounts: tuple[Attached, ...] = ()

    def place(self, path: str) -> Place:
        """Where an absolute path leads now."""
        number, guid, inner = self._walk(path)
        del number
        return Place(guid, inner)

    def of(self, guid: str) -> Attached | None:
        """The mount of a dataset, visible or hidden."""
        return next((m for m in self.mounts if m.guid == guid), None)

    def visible(self, mount: Attached) -> bool:
        """Whether a mount is what its path shows."""
        return self.place(mount.path) == Place(mount.guid, "")

    def with_mount(self, guid: str, path: str) -> "MountTable":
        """The table after mounting a dataset over whatever `path` shows now."""
        parent, _, at = self._walk(path)
        number = max((m.number for m in self.mounts), default=0) + 1
        return MountTable((*self.mounts, Attached(number, guid, path, parent, at)))

    def without(self, guid: str) -> "MountTable":
        """The table after unmounting a dataset; nothing may be mounted on it any more."""
        return MountTable(tuple(m for m in self.mounts if m.guid != guid))

    def on(self, mount: Attached) -> tuple[Attached, ...]:
        """What is mounted on directories of a mount."""
        return tuple(m for m in self.mounts if m.parent == mount.number)

    def _walk(self, path: str) -> tuple[int, str, str]:
        number, guid, inner = self._hop(0, ROOT, "")
        for component in path.strip("/").split("/"):
            if component:
                inner = f"{inner}/{component}" if inner else component
                number, guid, inner = self._hop(number, guid, inner)
        return number, guid, inner

    def _hop(self, number: int, guid: str, inner: str) -> tuple[int, str, str]:
        while True:
            on = [m for m in self.mounts if m.parent == number and m.at == inner]
            if not on:
                return number, guid, inner
            number, guid, inner = on[-1].number, on[-1].guid, ""


def parse(value: object) -> MountTable:
    """Read the table from its JSON value. Raises MalformedError."""
    try:
        return MountTable(
            tuple(Attached(**item) for item in (value or ()))  # type: ignore[attr-defined]
        )
    except TypeError:
        raise errors.MalformedError("cannot read the simulated mount table") from None


def as_json(table: MountTable) -> object:
    """The JSON value of a table."""
    return [
        {"number": m.number, "guid": m.guid, "path": m.path, "parent": m.parent, "at": m.at}
        for m in table.mounts
    ]
