"""What a host is: the model of everything that was read, and of what could not be read.

Values only. "Cannot read" has its own type, Unknown, so that it can never be taken for "absent".
"""

from dataclasses import dataclass

SERVICE_RUNS = "running"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that could not be read, and why; nothing may be concluded or changed there."""

    reason: str


@dataclass(frozen=True, slots=True)
class Property:
    """A ZFS property: its value as `zfs get -p` prints it, and where it comes from.

    `source` is "local", "default", "inherited", "received", "temporary" or "none".
    """

    value: str
    source: str


@dataclass(frozen=True, slots=True)
class ObservedDataset:
    """A file system, or another `kind` ("volume"). `mounted_at` is empty when not mounted."""

    name: str
    kind: str
    properties: tuple[tuple[str, Property], ...]
    mounted_at: str

    def property(self, name: str) -> Property | None:
        """One property, or None when this host's ZFS does not have it."""
        return next((found for key, found in self.properties if key == name), None)


@dataclass(frozen=True, slots=True)
class ObservedPool:
    """How a pool is; `health` is the kernel's word. `used` and `free` are bytes below its top.

    `snapshots` is when one was last taken or removed, in seconds since 1970; 0 where ZFS does not
    say. All three are 0 for a pool that could not be read.
    """

    name: str
    health: str
    used: int = 0
    free: int = 0
    snapshots: int = 0


@dataclass(frozen=True, slots=True)
class ObservedDirectory:
    """Owner (host ids) and permission bits of a directory that is there; `filled`: not empty."""

    uid: int
    gid: int
    mode: int
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Configuration:
    """A container's configuration file up to its first snapshot, as PVE itself would read it.

    `options` are the active `key: value` lines; `raw` the lxc.* lines in file order; `pending` and
    `pending_delete` stand in [pve:pending] and wait for a restart. `digest` is the SHA-1 that pct
    takes as --digest. `complaints` are lines PVE cannot parse and will drop at its next write.
    """

    options: tuple[tuple[str, str], ...]
    raw: tuple[tuple[str, str], ...]
    pending: tuple[tuple[str, str], ...]
    pending_delete: tuple[str, ...]
    digest: str
    complaints: tuple[str, ...] = ()

    def option(self, key: str) -> str | None:
        """The active value of `key`, or None when it is absent."""
        return next((value for found, value in self.options if found == key), None)

    @property
    def lock(self) -> str:
        """The word after `lock:`; empty when PVE holds no lock on the container."""
        return self.option("lock") or ""


@dataclass(frozen=True, slots=True)
class Effective:
    """What a running container really has, whatever its file says.

    `mounts` are (target, source) pairs; `idmap` the lines in effect, as lxc.idmap values;
    `services` are (name, SERVICE_RUNS or why it does not) for those asked about that can be judged.
    """

    mounts: tuple[tuple[str, str], ...]
    idmap: tuple[str, ...]
    services: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ObservedContainer:
    """A container of this host. `effective` is None exactly when it is not running."""

    id: int
    configuration: Configuration
    effective: Effective | None

    @property
    def running(self) -> bool:
        """Whether its init lives."""
        return self.effective is not None


@dataclass(frozen=True, slots=True)
class ObservedTunnel:
    """One end of a tunnel. `proof` is "" when a connection through it stays up, else why not.

    None: not tried, because it is a server end or its stunnel does not listen. `trouble` says why
    it cannot be served as it is asked to be; the others of its instance can. `aged` says why it is
    served by a key of before. `proof` is `proof_age` seconds old.
    """

    name: str
    role: str
    generation: int
    listening: bool
    proof: str | None = None
    proof_age: int = 0
    trouble: str = ""
    aged: str = ""


@dataclass(frozen=True, slots=True)
class ObservedInstance:
    """One stunnel instance that the text asks for, in a container (0: on the host itself).

    `unknown` says why it cannot be looked at, `obstacle` why nothing can be done there now, and
    `refusal` why it must not be done. A `kept` one is people's: `different` says what is not right.
    `missing` is what has to be set up inside; `different` are files not as they should be, and
    `leftover` those that nothing needs any more. `uncut` are tunnels with the revoked generation
    whose connections may still be up. `loaded`: the running process has read exactly
    the files that should be there. `surplus` are sockets of it that nothing asks for.
    """

    container: int
    instance: str
    directory: bool
    unknown: str = ""
    obstacle: str = ""
    refusal: str = ""
    missing: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    leftover: tuple[str, ...] = ()
    kept: bool = False
    uncut: tuple[str, ...] = ()
    running: bool = False
    loaded: bool = False
    surplus: tuple[str, ...] = ()
    ends: tuple[ObservedTunnel, ...] = ()


@dataclass(frozen=True, slots=True)
class Stray:
    """A stunnel that is not ours: where it runs, in words, and the sockets it listens at.

    `exposed` are those of them that others than private networks could reach.
    """

    place: str
    configuration: str
    listening: tuple[str, ...]
    exposed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FoundStunnel:
    """A stunnel that runs, whoever made it: what could be asked for by a text.

    `container` is 0 for the host itself and -1 for a place of its own. `sections` hold of each
    section its client, accept, connect, and whether it has PSKsecrets; never a key. `unread` says
    why they could not be read.
    """

    container: int
    configuration: str
    sections: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    unread: str = ""


@dataclass(frozen=True, slots=True)
class ObservedState:
    """A host at one moment.

    `pools` maps every pool that is imported and writable to its free bytes. `datasets`,
    `containers`, `subids` (kind "u"/"g", start, count: what root may map) and `guests` (ids used
    elsewhere in the cluster or by virtual machines: id, "lxc"|"qemu", node) are whole or Unknown;
    `directories` holds what was asked about: a directory, None where there is none, or Unknown.
    `writable` is empty, or says why container configuration cannot be changed (no quorum).
    `unready` says of pools that are here and not in `pools` why not.
    `tunnels` has one entry for each stunnel instance asked about; `strays` are the others.
    `space` says how every pool here is, for people; nothing is planned from it.
    """

    pools: tuple[tuple[str, int], ...] | Unknown
    datasets: tuple[ObservedDataset, ...] | Unknown
    containers: tuple[ObservedContainer | tuple[int, Unknown], ...] | Unknown
    guests: tuple[tuple[int, str, str], ...] | Unknown
    subids: tuple[tuple[str, int, int], ...] | Unknown
    directories: tuple[tuple[str, ObservedDirectory | Unknown | None], ...]
    writable: str = ""
    unready: tuple[tuple[str, str], ...] = ()
    tunnels: tuple[ObservedInstance, ...] = ()
    strays: tuple[Stray, ...] | Unknown = ()
    space: tuple[ObservedPool, ...] = ()
