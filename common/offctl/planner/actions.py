"""The whole vocabulary of what the agent can do to a host; there are no other verbs.

Nothing here destroys, renames or rolls back; no flag recurses; nothing takes a lock away from PVE.
An action carries what the planner believed (`before`), so that the host can refuse to act on a
belief that is no longer true.
"""

from dataclasses import dataclass

from offctl.desired.model import Access, IdRange, Subid, TunnelEnd


@dataclass(frozen=True, slots=True)
class CreateDataset:
    """Create one file system with all its properties and mount it; the parent must exist."""

    name: str
    properties: tuple[tuple[str, str], ...]
    mountpoint: str


@dataclass(frozen=True, slots=True)
class SetProperties:
    """Set properties of an existing dataset, locally."""

    name: str
    properties: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class InheritProperties:
    """Give properties back to inheritance (never recursively)."""

    name: str
    properties: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MountDataset:
    """Mount a dataset at its mountpoint, which must be absent or an empty directory."""

    name: str
    mountpoint: str


@dataclass(frozen=True, slots=True)
class MakeDirectory:
    """Make one directory inside a mounted dataset; `path` is relative to its mountpoint."""

    dataset: str
    mountpoint: str
    path: str
    access: Access


@dataclass(frozen=True, slots=True)
class SetAccess:
    """Set owner and mode of one directory inside a mounted dataset; `path` "" is the mountpoint.

    Never recursive; parts that are None stay as they are.
    """

    dataset: str
    mountpoint: str
    path: str
    access: Access


@dataclass(frozen=True, slots=True)
class GrantSubids:
    """Add ranges for root to /etc/subuid and /etc/subgid; none is ever taken away."""

    ranges: tuple[Subid, ...]


@dataclass(frozen=True, slots=True)
class CreateContainer:
    """`pct create` with the root filesystem and plain options only (never a bind mount)."""

    id: int
    template: str
    rootfs: str
    unprivileged: bool
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SetContainer:
    """One `pct set`: options, netN and mpN to set, delete or revert.

    `before` holds the active value ("" for absent) of every key touched, as the planner saw it.
    With `protected` PVE's protection flag is lifted for the call and put back.
    """

    id: int
    options: tuple[tuple[str, str], ...]
    delete: tuple[str, ...]
    revert: tuple[str, ...]
    before: tuple[tuple[str, str], ...]
    protected: bool


@dataclass(frozen=True, slots=True)
class SetIdmap:
    """Replace the lxc.idmap lines in a container's file; every other byte stays.

    `before` holds the lines as the planner saw them.
    """

    id: int
    ranges: tuple[IdRange, ...]
    before: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A host directory a container needs at start: it must be `dataset`, mounted, or inside it.

    Without a dataset it is a directory of the agent's own, which only has to be there.
    """

    path: str
    dataset: str
    mountpoint: str


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Start a stopped container, after checking that every source is really there."""

    id: int
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class RestartContainer:
    """Shut a running container down and start it again, so that what is pending takes effect."""

    id: int
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class ShutDownContainer:
    """Shut a running container down in order; it is never killed."""

    id: int


@dataclass(frozen=True, slots=True)
class MakeTunnelDirectory:
    """Make the host directory that container `container` sees as its stunnel files."""

    container: int
    instance: str


@dataclass(frozen=True, slots=True)
class RenewTunnels:
    """Bring one stunnel instance to exactly `ends`: files, its unit, its process.

    Configuration that differs is tried beside the running one first; files that are right are not
    written, and a process that has read them is not touched.
    """

    site: str
    container: int
    instance: str
    ends: tuple[TunnelEnd, ...]


Action = (
    CreateDataset
    | SetProperties
    | InheritProperties
    | MountDataset
    | MakeDirectory
    | SetAccess
    | GrantSubids
    | CreateContainer
    | SetContainer
    | SetIdmap
    | StartContainer
    | RestartContainer
    | ShutDownContainer
    | MakeTunnelDirectory
    | RenewTunnels
)
