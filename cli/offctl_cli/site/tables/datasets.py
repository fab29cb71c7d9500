# ruff: noqa: RUF009 - declare.* give dataclass fields, made once on purpose
"""[datasets.*]: data by logical name, with a place on each host that has it."""

from collections.abc import Mapping
from dataclasses import dataclass
import re

from offctl_cli.site import declare, kinds
from offctl_cli.site.tables import hosts, shapes

# Names and values are judged by the lints against what ZFS knows.
PROPERTIES = kinds.MapOf(
    kinds.Text("the name of a ZFS property", re.compile(r"[a-z0-9][a-z0-9_.:-]*"), most=255),
    kinds.Text('a value, or "inherit"'),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetPlace:
    """Where a dataset is on one host."""

    dataset: str = declare.required(
        shapes.ZFS_NAME, "ZFS name on this host.", example="zfs-hdd/off/users"
    )
    replica_of: str | None = declare.optional(
        shapes.NAME,
        "Host it is received from: never created, mounted or changed here.",
        example="off2",
    )
    properties: Mapping[str, str] = declare.table(
        PROPERTIES, "Properties on this host only.", example={"sharenfs": "rw=@10.0.0.1/32"}
    )
    comment: str | None = hosts.comment()


PLACES = kinds.MapOf(shapes.NAME, kinds.TableOf(DatasetPlace, "dataset", shapes.ZFS_NAME))


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A plain directory inside a dataset, made when missing."""

    owner: str | None = declare.optional(
        shapes.OWNER, "Owner as the container sees it.", example="1000:1000"
    )
    mode: str | None = declare.optional(shapes.FILE_MODE, "Permission bits.", example="0700")
    comment: str | None = hosts.comment()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One kind of data, wherever it is. Those of flavors follow from them; write what differs."""

    place: Mapping[str, DatasetPlace] = declare.table(
        PLACES,
        "ZFS name on each host that has it.",
        example={"off2": "zfs-hdd/off/users"},
    )
    properties: Mapping[str, str] = declare.table(
        PROPERTIES,
        'ZFS properties: a value, "inherit", or not written (not ours).',
        example={"atime": "off"},
    )
    owner: str | None = declare.optional(
        shapes.OWNER,
        "Owner of its top directory, as the containers that mount it see it.",
        example="1000:1000",
    )
    mode: str | None = declare.optional(
        shapes.FILE_MODE, "Permission bits of its top directory.", example="0755"
    )
    as_seen_by: str | None = declare.optional(
        shapes.NAME,
        'Container whose id-map owners go through, or "host"; needed when none mounts it.',
        example="off",
    )
    audit: bool = declare.optional(
        kinds.Boolean(),
        "Whether differences of it and its directories are only reported.",
        example=True,
        default=False,
    )
    directories: Mapping[str, Directory] = declare.table(
        kinds.MapOf(shapes.RELATIVE, kinds.TableOf(Directory)),
        "Plain directories inside it that must exist.",
        example={"data": {"owner": "1000:1000"}},
    )
    comment: str | None = hosts.comment()
    reason: str | None = declare.optional(
        shapes.PROSE, "Why it differs from the rule.", example="kept on the fast pool"
    )
