# ruff: noqa: ANN401, RUF009 - declare.* give dataclass fields, made once on purpose
"""[containers.*] and [profiles.*]: what pct can set, in its own words.

An option has three written states: a value, "default" (the option must be absent), or nothing
written (not ours). Ranges and running behaviour are those of pct.conf(5).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
import re
from typing import Any

from offctl.desired.model import Mode, RunState
from offctl_cli.site import declare, kinds
from offctl_cli.site.kinds import Default
from offctl_cli.site.tables import hosts, shapes
from offctl_cli.site.tables.filesystems import Mount, RootFilesystem, Volume
from offctl_cli.site.tables.networks import Network

_ID_SPAN = kinds.Text(
    'an id or a span such as "1000-65535"', re.compile(r"[0-9]{1,9}(?:-[0-9]{1,9})?")
)
_DEVICE = re.compile(r"/dev(?!.*/\.{1,2}(?:/|$))/[A-Za-z0-9_./:@+-]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdMap:
    """How ids of the container appear on the host: shifted, except those that stay the same."""

    identity: tuple[str, ...] = declare.optional(
        kinds.ListOf(_ID_SPAN),
        "Ids that are the same inside and on the host, both ends included.",
        example=["1000-65535"],
        default=(),
    )
    shift: int = declare.optional(
        kinds.Integer(65536, 2**31),
        "What is added to every other id.",
        example=100000,
        default=100000,
    )
    lines: tuple[str, ...] = declare.optional(
        kinds.ListOf(
            kinds.Text(
                'an lxc.idmap value such as "u 0 100000 65536"',
                re.compile(r"[ug] [0-9]{1,10} [0-9]{1,10} [1-9][0-9]{0,9}"),
            )
        ),
        "Exact lxc.idmap values instead of the intent.",
        example=["u 0 100000 65536", "g 0 100000 65536"],
        default=(),
    )
    comment: str | None = hosts.comment()


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What the container may do beyond the ordinary."""

    nesting: bool = declare.optional(
        kinds.Boolean(), "Containers or systemd sandboxing inside.", example=True, default=False
    )
    keyctl: bool = declare.optional(
        kinds.Boolean(), "The keyctl system call, for docker.", example=True, default=False
    )
    fuse: bool = declare.optional(
        kinds.Boolean(), "FUSE file systems.", example=False, default=False
    )
    mknod: bool = declare.optional(
        kinds.Boolean(), "Making device nodes.", example=False, default=False
    )
    force_rw_sys: bool = declare.optional(
        kinds.Boolean(), "A writable /sys.", example=False, default=False
    )
    mount: tuple[str, ...] = declare.optional(
        kinds.ListOf(kinds.Text("a file system type", re.compile(r"[a-z0-9]{1,16}"))),
        "File system types that may be mounted.",
        example=["nfs"],
        default=(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A command that tells whether it is well; a change after which it is not is undone."""

    command: tuple[str, ...] = declare.required(
        kinds.ListOf(shapes.ARGUMENT, most=64, distinct=False),
        "Program and arguments, run inside without a shell; exit status 0 is well.",
        example=["curl", "-fsS", "http://localhost/"],
    )
    grace: str = declare.optional(
        shapes.SPAN, "How long it may take after a change.", example="30s", default="30s"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Startup:
    """When the container starts among the others at boot."""

    order: int | None = declare.optional(kinds.Integer(0, 9999), "Position.", example=1)
    up: int | None = declare.optional(
        kinds.Integer(0, 86400), "Seconds to wait after its start.", example=30
    )
    down: int | None = declare.optional(
        kinds.Integer(0, 86400), "Seconds to wait for its stop.", example=60
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device node of the host shown in the container."""

    path: str = declare.required(
        kinds.Text("a path below /dev", _DEVICE), "Device on the host.", example="/dev/fuse"
    )
    mode: str | None = declare.optional(shapes.FILE_MODE, "Permission bits.", example="0660")
    uid: int | None = declare.optional(
        kinds.Integer(0, 2**31), "Owner inside the container.", example=0
    )
    gid: int | None = declare.optional(
        kinds.Integer(0, 2**31), "Group inside the container.", example=104
    )
    deny_write: bool | None = declare.optional(
        kinds.Boolean(), "Whether writing is refused.", example=True
    )


def _setting(kind: kinds.Kind, doc: str, *, example: object) -> Any:
    return declare.optional(kinds.Setting(kind), doc, example=example)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a profile may set, and every container."""

    use: tuple[str, ...] = declare.optional(
        kinds.ListOf(shapes.NAME, or_one=True),
        "Profiles to start from; later ones win, what is written here wins over all.",
        example="product-opener",
        default=(),
    )
    host: str | None = declare.optional(shapes.NAME, "Host it runs on.", example="off2")
    application: str | None = declare.optional(
        shapes.NAME,
        "Application it runs; its mounts follow from the sharing rules.",
        example="off",
    )
    run: RunState = declare.optional(
        kinds.member(RunState),
        "Whether it should be up, apart from onboot.",
        example="running",
        default=RunState.RUNNING,
    )
    mode: Mode | None = declare.optional(
        kinds.member(Mode), "Whether to correct it or only report.", example="audit"
    )
    template: str | None = declare.optional(
        kinds.Text(
            "a template volume that ends in .tar.gz, .tar.xz, .tar.zst or .tar.bz2",
            re.compile(
                r"[A-Za-z0-9][A-Za-z0-9._-]*:vztmpl/[A-Za-z0-9._+-]+\.tar\.(?:gz|xz|zst|bz2)"
            ),
        ),
        "Template to create it from; used at creation only.",
        example="local:vztmpl/debian-12-standard_12.2-1_amd64.tar.zst",
    )
    unprivileged: bool = declare.optional(
        kinds.Boolean(), "Whether root inside is nobody outside.", example=True, default=True
    )
    rootfs: RootFilesystem | None = declare.optional(
        kinds.TableOf(RootFilesystem),
        "Volume to create it on.",
        example={"storage": "zfs-hdd", "size": "30G"},
    )
    services: tuple[str, ...] = declare.optional(
        kinds.ListOf(shapes.SERVICE),
        "systemd units that must be active inside.",
        example=["nginx.service", "apache2.service"],
        default=(),
    )
    windows: tuple[str, ...] = declare.optional(
        kinds.ListOf(shapes.WINDOW, or_one=True),
        "When it may be restarted, instead of the host's windows.",
        example=["sun 03:00-04:00 Europe/Paris"],
        default=(),
    )
    uses: tuple[str, ...] = declare.optional(
        kinds.ListOf(shapes.NAME),
        "Containers it needs, such as databases; for people, and drawn by `offctl graph`.",
        example=["mongodb", "off-redis"],
        default=(),
    )
    probe: Probe | None = declare.optional(
        kinds.TableOf(Probe),
        "How to tell, after a change, that it is well.",
        example={"command": ["curl", "-fsS", "http://localhost/"], "grace": "30s"},
    )
    idmap: IdMap | Default | None = _setting(
        kinds.TableOf(IdMap),
        "How its ids appear on the host.",
        example={"identity": ["1000-65535"]},
    )
    networks: Mapping[str, Network] = declare.table(
        kinds.MapOf(shapes.INTERFACE, kinds.TableOf(Network)),
        "Interfaces by their name inside.",
        example={"eth0": {"role": "internal"}},
    )
    mounts: Mapping[str, Mount] = declare.table(
        kinds.MapOf(shapes.TARGET, kinds.TableOf(Mount, "dataset", shapes.LOGICAL)),
        "Datasets shown inside, by target; one written here replaces the rule's.",
        example={"/mnt/off-pro/sftp": "off-pro/sftp"},
    )
    without_mounts: tuple[str, ...] = declare.optional(
        kinds.ListOf(shapes.TARGET),
        "Targets of the rules that it does without.",
        example=["/mnt/opff/orgs"],
        default=(),
    )
    volumes: Mapping[str, Volume] = declare.table(
        kinds.MapOf(shapes.TARGET, kinds.TableOf(Volume)),
        "Volumes of its own, by target.",
        example={"/var/lib/redis": {"storage": "zfs-nvme", "size": "5G"}},
    )
    arch: str | Default | None = _setting(
        kinds.Choice(("amd64", "i386", "arm64", "armhf", "riscv32", "riscv64")),
        "Architecture.",
        example="amd64",
    )
    cmode: str | Default | None = _setting(
        kinds.Choice(("shell", "console", "tty")), "Console mode.", example="tty"
    )
    console: bool | Default | None = _setting(
        kinds.Boolean(), "Whether it has a console device.", example=True
    )
    cores: int | Default | None = _setting(
        kinds.Integer(1, 8192), 'Processor cores; "default" is all of them.', example=4
    )
    cpulimit: str | Default | None = _setting(
        kinds.Number(0, 8192), "Processor time as a number of cores.", example=2
    )
    cpuunits: int | Default | None = _setting(
        kinds.Integer(1, 10000), "Share of processor time against the others.", example=100
    )
    debug: bool | Default | None = _setting(
        kinds.Boolean(), "Whether LXC logs verbosely.", example=False
    )
    description: str | Default | None = _setting(
        kinds.Text("a text", multiline=True), "Notes shown in the web interface.", example="nginx"
    )
    devices: tuple[Device, ...] = declare.optional(
        kinds.ListOf(kinds.TableOf(Device, "path")),
        "Devices of the host.",
        example=["/dev/fuse"],
        default=(),
    )
    features: Features | Default | None = _setting(
        kinds.TableOf(Features), "Features.", example={"nesting": True}
    )
    hookscript: str | Default | None = _setting(
        kinds.Text("a snippet volume", re.compile(r"[A-Za-z0-9._-]+:snippets/[A-Za-z0-9._-]+")),
        "Script PVE runs around start and stop.",
        example="local:snippets/hook.pl",
    )
    hostname: str | Default | None = _setting(
        shapes.WRITTEN_HOSTNAME, "Host name inside; left out, the container's name.", example="off"
    )
    memory: int | None = declare.optional(
        kinds.Integer(16, 2**30, "MiB"), "Memory in MiB.", example=8192
    )
    swap: int | Default | None = _setting(kinds.Integer(0, 2**30, "MiB"), "Swap in MiB.", example=0)
    nameserver: tuple[str, ...] | Default | None = _setting(
        kinds.ListOf(shapes.ADDRESS, or_one=True), "Name servers.", example=["1.1.1.1"]
    )
    searchdomain: tuple[str, ...] | Default | None = _setting(
        kinds.ListOf(shapes.DOMAIN, or_one=True),
        "Domains to search.",
        example=["openfoodfacts.org"],
    )
    onboot: bool | Default | None = _setting(
        kinds.Boolean(), "Whether it starts when the host boots.", example=True
    )
    ostype: str | None = declare.optional(
        kinds.Choice(
            (
                *("debian", "devuan", "ubuntu", "centos", "fedora", "opensuse"),
                *("archlinux", "alpine", "gentoo", "nixos", "unmanaged"),
            )
        ),
        "Operating system inside.",
        example="debian",
    )
    protection: bool | Default | None = _setting(
        kinds.Boolean(), "Whether PVE refuses to remove it or its disks.", example=True
    )
    startup: Startup | Default | None = _setting(
        kinds.TableOf(Startup), "When it starts among the others.", example={"order": 1}
    )
    tags: tuple[str, ...] | Default | None = _setting(
        kinds.ListOf(kinds.Text("a tag", re.compile(r"[a-z0-9_][a-z0-9_.+-]*"), most=64)),
        "Tags shown in the web interface.",
        example=["production"],
    )
    timezone: str | Default | None = _setting(
        kinds.Text('"host", "UTC" or a zone', re.compile(r"host|[A-Za-z][A-Za-z0-9_+/-]{0,40}")),
        "Time zone inside.",
        example="Europe/Paris",
    )
    tty: int | Default | None = _setting(kinds.Integer(0, 6), "Number of ttys.", example=2)
    comment: str | None = hosts.comment()
    reason: str | None = declare.optional(
        shapes.PROSE, "Why it differs from its profile.", example="restores need the space"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Container(Options):
    """One LXC container; the name of the table is its name everywhere in the site."""

    id: int = declare.required(
        kinds.Integer(100, 999_999_999), "Id, unique within the cluster.", example=113
    )
    freeze: hosts.Freeze | None = declare.optional(
        kinds.TableOf(hosts.Freeze),
        "Until when nothing is changed on it, its mounts and their datasets, and why.",
        example={"until": datetime(2026, 12, 24, 18, tzinfo=UTC), "reason": "restore under way"},
    )
