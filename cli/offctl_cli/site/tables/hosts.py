# ruff: noqa: RUF009 - declare.* give dataclass fields, made once on purpose
"""[site], [clusters.*] and [hosts.*]: where things run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
import re

from offctl.desired import consents, names
from offctl.desired.model import Mode
from offctl_cli.site import declare, kinds
from offctl_cli.site.tables import shapes

_PERCENT = kinds.Integer(0, 100, "percent")
_ROLES = kinds.Choice(("public", "internal"))


def comment() -> str | None:
    """The key for a note to the next reader; it goes nowhere else."""
    text: str | None = declare.optional(
        shapes.PROSE, "A note for the next reader of this file.", example="moved here in 2023"
    )
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """The site as a whole; written once, in site.toml."""

    name: str = declare.required(
        shapes.NAME, "Name of the site; releases carry it.", example="openfoodfacts"
    )
    domain: str | None = declare.optional(
        shapes.DOMAIN, "Main public domain.", example="openfoodfacts.org"
    )
    comment: str | None = comment()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A Proxmox cluster: container ids and internal addresses are unique within it."""

    container_address: str | None = declare.optional(
        shapes.CONTAINER_RULE,
        "Internal address of a container that writes none, from its id.",
        example="10.1.0.{id}/24",
    )
    comment: str | None = comment()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostIdentity:
    """Who a host is, as printed by `offctl-agent init` on it."""

    certificate: str = declare.required(
        kinds.Text("a PEM certificate", multiline=True),
        "The host's self-signed certificate, in PEM.",
        example="-----BEGIN CERTIFICATE-----\n...",
    )
    tunnel_key: str = declare.required(
        kinds.Text("x25519: and base64", re.compile(r"x25519:[A-Za-z0-9+/]{43}=")),
        "Public half of the host's tunnel key.",
        example="x25519:" + "A" * 43 + "=",
    )
    comment: str | None = comment()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleNames:
    """A bridge for each role of network."""

    public: str | None = declare.optional(
        shapes.INTERFACE, "Bridge with public addresses.", example="vmbr0"
    )
    internal: str | None = declare.optional(
        shapes.INTERFACE, "Bridge with internal addresses.", example="vmbr1"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAddresses:
    """The host's own addresses for each role of network."""

    public: tuple[str, ...] = declare.optional(
        kinds.ListOf(shapes.ADDRESS, or_one=True),
        "Public addresses of the host.",
        example=["213.36.253.208"],
        default=(),
    )
    internal: tuple[str, ...] = declare.optional(
        kinds.ListOf(shapes.ADDRESS, or_one=True),
        "Internal addresses of the host.",
        example=["10.0.0.2"],
        default=(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGateways:
    """The default gateway of containers for each role of network."""

    public: str | None = declare.optional(
        shapes.ADDRESS,
        "Gateway of containers with a public address.",
        example="213.36.253.222",
    )
    internal: str | None = declare.optional(
        shapes.ADDRESS,
        "Gateway of containers with internal addresses only.",
        example="10.0.0.2",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """A time in which nothing is changed; `offctl freeze` writes it, and it ends by itself."""

    until: datetime = declare.required(
        kinds.Instant(), "When it ends.", example=datetime(2026, 12, 24, 18, tzinfo=UTC)
    )
    reason: str = declare.required(
        shapes.PROSE, "Why, for everybody who wonders.", example="donations campaign"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxDelta:
    """How much one plan may touch without `offctl approve`, in percent of each kind, rounded up."""

    containers: int = declare.optional(
        _PERCENT, "Share of the host's containers.", example=20, default=100
    )
    mounts: int = declare.optional(
        _PERCENT, "Share of all mounts of its containers.", example=20, default=100
    )
    datasets: int = declare.optional(_PERCENT, "Share of its datasets.", example=20, default=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmanaged:
    """What stays somebody else's: reported as known, never changed."""

    guests: tuple[int, ...] = declare.optional(
        kinds.ListOf(kinds.Integer(100, 999_999_999)),
        "Ids of containers and virtual machines.",
        example=[200, 201],
        default=(),
    )
    datasets: tuple[str, ...] = declare.optional(
        kinds.ListOf(shapes.ZFS_NAME),
        "ZFS datasets, each with everything below it.",
        example=["zfs-hdd/backups"],
        default=(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One Proxmox host. A dataset or container says itself on which host it is."""

    cluster: str | None = declare.optional(
        shapes.NAME, "The cluster it is in; none for a host on its own.", example="off-free"
    )
    mode: Mode = declare.optional(
        kinds.member(Mode),
        "Whether the agent corrects differences or only reports them.",
        example="enforce",
        default=Mode.ENFORCE,
    )
    identity: HostIdentity | None = declare.optional(
        kinds.TableOf(HostIdentity),
        "Certificate and tunnel key, as printed by the host.",
        example={
            "certificate": "-----BEGIN CERTIFICATE-----...",
            "tunnel_key": "x25519:" + "A" * 43 + "=",
        },
    )
    windows: tuple[str, ...] = declare.optional(
        kinds.ListOf(shapes.WINDOW, or_one=True),
        "When containers may be restarted.",
        example=["sat,sun 02:00-05:00 Europe/Paris"],
        default=(),
    )
    freeze: Freeze | None = declare.optional(
        kinds.TableOf(Freeze),
        "Until when nothing is changed on it, and why.",
        example={
            "until": datetime(2026, 12, 24, 18, tzinfo=UTC),
            "reason": "donations campaign",
        },
    )
    max_delta: MaxDelta = declare.optional(
        kinds.TableOf(MaxDelta),
        "How much one plan may touch without being approved.",
        example={"containers": 20, "mounts": 20},
        default=MaxDelta(),
    )
    approved: tuple[str, ...] = declare.optional(
        kinds.ListOf(kinds.Text("a plan's hash", names.SHA256)),
        "Plans that may touch more than that; `offctl approve` writes them.",
        example=["5e2f" * 16],
        default=(),
    )
    wave: int = declare.optional(
        kinds.Integer(1, consents.MAX_WAVE),
        "Its turn when a release goes out; hosts of a lower wave go first.",
        example=2,
        default=1,
    )
    soak: str = declare.optional(
        shapes.SPAN,
        "How long it must have been right before the next wave has its turn.",
        example="10min",
        default="10min",
    )
    bridges: RoleNames = declare.optional(
        kinds.TableOf(RoleNames),
        "Bridge of each network role on this host.",
        example={"public": "vmbr0", "internal": "vmbr1"},
        default=RoleNames(),
    )
    addresses: RoleAddresses = declare.optional(
        kinds.TableOf(RoleAddresses),
        "The host's own addresses.",
        example={"public": ["213.36.253.208"], "internal": ["10.0.0.2"]},
        default=RoleAddresses(),
    )
    gateways: RoleGateways = declare.optional(
        kinds.TableOf(RoleGateways),
        "Default gateway that containers of each network role get.",
        example={"public": "213.36.253.222", "internal": "10.0.0.2"},
        default=RoleGateways(),
    )
    pools: tuple[str, ...] = declare.optional(
        kinds.ListOf(shapes.POOL), "ZFS pools that must be there.", example=["rpool"], default=()
    )
    storage: Mapping[str, str] = declare.table(
        kinds.MapOf(shapes.NAME, shapes.ZFS_NAME),
        "PVE storages and the ZFS dataset below which each keeps its volumes.",
        example={"zfs-hdd": "zfs-hdd/pve"},
    )
    subordinate_ids: tuple[str, ...] | None = declare.optional(
        kinds.ListOf(kinds.Text("FIRST:COUNT", re.compile(r"[0-9]{1,10}:[1-9][0-9]{0,9}"))),
        "What root may map in /etc/subuid and /etc/subgid; left out, what the id-maps need.",
        example=["1000:64536", "100000:65536"],
    )
    unmanaged: Unmanaged = declare.optional(
        kinds.TableOf(Unmanaged),
        "What on this host is somebody else's.",
        example={"guests": [200], "datasets": ["zfs-hdd/backups"]},
        default=Unmanaged(),
    )
    comment: str | None = comment()
