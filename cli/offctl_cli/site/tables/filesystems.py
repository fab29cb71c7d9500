# ruff: noqa: RUF009 - declare.* give dataclass fields, made once on purpose
"""[containers.*.mounts], .volumes and .rootfs: the file systems of a container."""

from dataclasses import dataclass
import re

from offctl_cli.site import declare, kinds
from offctl_cli.site.tables import hosts, shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class RootFilesystem:
    """The volume a container is created on; used at creation only."""

    storage: str = declare.required(shapes.NAME, "PVE storage.", example="zfs-hdd")
    size: str = declare.required(shapes.ROOT_SIZE, "Size in GiB.", example="30G")
    mountoptions: tuple[str, ...] = declare.optional(
        kinds.ListOf(shapes.MOUNT_OPTION), "Mount options.", example=["noatime"], default=()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A dataset, or a directory in it, shown in the container."""

    dataset: str = declare.required(
        shapes.LOGICAL, "Logical name of the dataset.", example="off-pro/sftp"
    )
    directory: str | None = declare.optional(
        shapes.DIRECTORY, "Directory inside the dataset.", example="export_files"
    )
    read_only: bool = declare.optional(
        kinds.Boolean(), "Whether it is read-only.", example=True, default=False
    )
    mountoptions: tuple[str, ...] = declare.optional(
        kinds.ListOf(shapes.MOUNT_OPTION), "Mount options.", example=["nosuid"], default=()
    )
    shared: bool = declare.optional(
        kinds.Boolean(),
        "Whether every host of the cluster has it, so that migration may ignore it.",
        example=True,
        default=False,
    )
    comment: str | None = hosts.comment()
    reason: str | None = declare.optional(
        shapes.PROSE, "Why it differs from the rule.", example="moves products between them"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume PVE allocates for this container only."""

    storage: str = declare.required(shapes.NAME, "PVE storage.", example="zfs-nvme")
    size: str = declare.required(
        shapes.VOLUME_SIZE, "Size at allocation; never shrunk.", example="5G"
    )
    volume: str | None = declare.optional(
        kinds.Text("a volume name", re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,120}")),
        "Existing volume to use instead of a new one.",
        example="subvol-120-disk-0",
    )
    backup: bool | None = declare.optional(
        kinds.Boolean(), "Whether vzdump includes it.", example=True
    )
    read_only: bool = declare.optional(
        kinds.Boolean(), "Whether it is read-only.", example=False, default=False
    )
    acl: bool | None = declare.optional(kinds.Boolean(), "Whether ACLs are on.", example=True)
    replicate: bool | None = declare.optional(
        kinds.Boolean(), "Whether pvesr replicates it.", example=False
    )
    mountoptions: tuple[str, ...] = declare.optional(
        kinds.ListOf(shapes.MOUNT_OPTION), "Mount options.", example=["noatime"], default=()
    )
    comment: str | None = hosts.comment()
