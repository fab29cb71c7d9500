"""The desired state of one host, explicit: no rule, default or logical name is left to expand.

Values only: this module does no I/O and does not know TOML. Ids and paths are the host's own
(compiled from what the site says in the container's view). Collections are tuples, sorted where
order means nothing, so that equal states compare and serialise equal.
"""

from dataclasses import dataclass
from datetime import datetime
import enum


class Mode(enum.Enum):
    """What a host may do about differences."""

    ENFORCE = "enforce"
    AUDIT = "audit"


class RunState(enum.Enum):
    """Whether a container should be up, apart from whether it starts at boot."""

    RUNNING = "running"
    STOPPED = "stopped"
    AS_IS = "as-is"


@dataclass(frozen=True, slots=True)
class Window:
    """When containers may be restarted: days, and wall-clock minutes in a time zone.

    `days` holds 0 (Monday) to 6; `start` and `end` count minutes since midnight and differ; `end`
    may be smaller than `start`, then the window crosses midnight into the next day.
    """

    days: tuple[int, ...]
    start: int
    end: int
    zone: str


@dataclass(frozen=True, slots=True)
class Freeze:
    """Until `until` (UTC) nothing is changed on what carries it; `reason` is for people."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class MaxDelta:
    """How much of a host one plan may touch without being approved, in percent of each kind.

    100 never waits. A share is rounded up, so that one of them may always change.
    """

    containers: int = 100
    mounts: int = 100
    datasets: int = 100


@dataclass(frozen=True, slots=True)
class Probe:
    """A command that exits 0 in a healthy container, at the latest `grace` seconds after a change.

    It runs inside, without a shell.
    """

    command: tuple[str, ...]
    grace: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a host is: its pinned TLS certificate and the public half of its tunnel key.

    `certificate` is PEM; `tunnel_key` is `x25519:` and the base64 of 32 bytes.
    """

    certificate: str
    tunnel_key: str


@dataclass(frozen=True, slots=True)
class Access:
    """Owner and permission bits of a directory, as ids of the host; None leaves the part alone."""

    uid: int | None = None
    gid: int | None = None
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """A plain directory inside a dataset: `path` is relative to the dataset's mountpoint."""

    path: str
    access: Access


@dataclass(frozen=True, slots=True)
class Dataset:
    """One ZFS file system.

    `name` is the ZFS name on this host, `logical` the site's name for it everywhere.
    `properties` are values we set; `inherit` names those that must not be set locally; any other
    property is not ours. `mountpoint` is the path it must appear at. A `replica_of` dataset
    (naming the sending host) is received by other means: never created, set or mounted by us.
    `mode` is about it and its directories, on a host that enforces.
    """

    name: str
    logical: str
    mountpoint: str
    properties: tuple[tuple[str, str], ...] = ()
    inherit: tuple[str, ...] = ()
    access: Access = Access()
    directories: tuple[Directory, ...] = ()
    replica_of: str = ""
    mode: Mode = Mode.ENFORCE


@dataclass(frozen=True, slots=True)
class IdRange:
    """One id-map line: `count` ids from `inside` in the container are `outside` on the host.

    `kind` is "u" or "g" (lxc.container.conf(5), lxc.idmap).
    """

    kind: str
    inside: int
    outside: int
    count: int


@dataclass(frozen=True, slots=True)
class Subid:
    """A range that /etc/subuid ("u") or /etc/subgid ("g") must grant to root."""

    kind: str
    start: int
    count: int


@dataclass(frozen=True, slots=True)
class BindMount:
    """A host directory shown in a container; identified by `target`.

    `source` is the host path: the mountpoint of dataset `dataset` plus `subdirectory` (may be
    empty). Without a dataset it is the directory of the container's stunnel files. Neither path
    ends in a slash. `options` are pct's (ro, backup, mountoptions, ...).
    """

    target: str
    source: str
    dataset: str
    subdirectory: str = ""
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class VolumeMount:
    """A volume PVE allocates on a storage for one container; identified by `target`.

    `size` is pct's (`5G`); it is used at allocation and compared, never shrunk. `volume` pins an
    existing volume id (`subvol-120-disk-0`); empty means: allocate one.
    """

    target: str
    storage: str
    size: str
    volume: str = ""
    options: tuple[tuple[str, str], ...] = ()


Mount = BindMount | VolumeMount


@dataclass(frozen=True, slots=True)
class RootFilesystem:
    """The volume a container is created on: pct's `storage:size-in-GiB`; used at creation only."""

    storage: str
    size_gib: int
    mountoptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Network:
    """One network interface. `index` is N of netN; the hardware address is pinned or left alone.

    `options` hold pct's sub-keys except name, bridge and hwaddr (ip, gw, ip6, gw6, firewall, ...).
    """

    index: int
    name: str
    bridge: str
    hwaddr: str = ""
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Container:
    """One LXC container under PVE.

    `options` are pct keys in pct's own spelling except rootfs, mpN, netN and lxc.*: a value we
    set. `defaults` names keys that must be absent (PVE's default). Other keys are not ours.
    An empty `idmap` means PVE's default shift for an unprivileged container, and that no
    lxc.idmap line may exist; None means: not ours. `template` is used at creation only.
    `windows` replace the host's when not empty. `services` must be running inside.
    """

    id: int
    name: str
    run: RunState
    template: str
    root: RootFilesystem
    unprivileged: bool
    options: tuple[tuple[str, str], ...] = ()
    defaults: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    mounts: tuple[Mount, ...] = ()
    idmap: tuple[IdRange, ...] | None = None
    services: tuple[str, ...] = ()
    windows: tuple[Window, ...] = ()
    mode: Mode = Mode.ENFORCE
    freeze: Freeze | None = None
    probe: Probe | None = None


@dataclass(frozen=True, slots=True)
class TunnelEnd:
    """One end of a tunnel on this host.

    `role` is "client" or "server"; `container` is 0 for the host itself. `identity` is the PSK
    identity and carries the generation. `peer_key` is the far host's x25519 key; `psk_file`
    replaces it when the far end is not managed. Several clients of one service give the serving
    host several ends with one `section`, and so does a rotation: one for each generation that is
    accepted. Connections made with generation `revoked` or an older one are cut, once. A `kept` end
    is served by files that people made in its place: looked at, never changed.
    """

    name: str
    role: str
    section: str
    container: int
    instance: str
    accept: str
    connect: str
    identity: str
    generation: int
    peer_host: str
    peer_key: str = ""
    psk_file: str = ""
    revoked: int = 0
    kept: bool = False
    consumers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DesiredState:
    """Everything one host is asked to be. Resources are sorted by name, id or target.

    `approved` are hashes of plans that may touch more than `max_delta`. Hosts of a lower `wave` go
    first, and must have been right for `soak` seconds before the next one does.
    """

    site: str
    host: str
    mode: Mode
    identity: Identity | None = None
    windows: tuple[Window, ...] = ()
    freeze: Freeze | None = None
    max_delta: MaxDelta = MaxDelta()
    approved: tuple[str, ...] = ()
    wave: int = 1
    soak: int = 0
    pools: tuple[str, ...] = ()
    unmanaged: tuple[str, ...] = ()
    subids: tuple[Subid, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    containers: tuple[Container, ...] = ()
    tunnels: tuple[TunnelEnd, ...] = ()
