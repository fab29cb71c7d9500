# ruff: noqa: RUF009 - declare.* give dataclass fields, made once on purpose
"""[flavors.*] and [applications.*]: from these the datasets and mounts of each follow by rule."""

from collections.abc import Mapping
from dataclasses import dataclass
import enum

from offctl_cli.site import declare, kinds
from offctl_cli.site.tables import datasets, hosts, shapes
from offctl_cli.site.tables.containers import Container
from offctl_cli.site.tables.filesystems import Mount

_PART = kinds.Text("the name of a part such as logs", shapes.NAME.pattern, most=63)


class ApplicationKind(enum.Enum):
    """Which sharing rules an application follows."""

    PUBLIC = "public"
    PRODUCERS = "producers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """One flavor of Product Opener. It implies its datasets and its public application."""

    title: str | None = declare.optional(
        shapes.PROSE, "Name for people.", example="Open Pet Food Facts"
    )
    domain: str | None = declare.optional(
        shapes.DOMAIN, "Public domain.", example="openpetfoodfacts.org"
    )
    place: Mapping[str, datasets.DatasetPlace] = declare.table(
        datasets.PLACES,
        "Its parent dataset on each host; the parts are below it.",
        example={"off2": "zfs-hdd/opff"},
    )
    extra: tuple[str, ...] = declare.optional(
        kinds.ListOf(_PART),
        "Parts it has besides products, images, html_data and cache.",
        example=["logs"],
        default=(),
    )
    shared: tuple[str, ...] = declare.optional(
        kinds.ListOf(_PART),
        "Parts of it that every application mounts under its own name.",
        example=["users", "orgs"],
        default=(),
    )
    container: Container | None = declare.optional(
        kinds.TableOf(Container),
        "Its container, with the name of the flavor, when no [containers.*] is written for it.",
        example={"use": "product-opener", "host": "off2", "id": 119},
    )
    comment: str | None = hosts.comment()


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What a container runs: the public site of a flavor, or its producer platform."""

    flavor: str = declare.required(shapes.NAME, "Flavor it belongs to.", example="off")
    kind: ApplicationKind = declare.optional(
        kinds.member(ApplicationKind),
        "Which sharing rules it follows.",
        example="producers",
        default=ApplicationKind.PUBLIC,
    )
    place: Mapping[str, datasets.DatasetPlace] = declare.table(
        datasets.PLACES,
        "Its own parent dataset on each host; a public application has its flavor's.",
        example={"off2": "zfs-hdd/off-pro"},
    )
    extra: tuple[str, ...] = declare.optional(
        kinds.ListOf(_PART),
        "Parts it has besides products, images, html_data and cache.",
        example=["logs", "sftp"],
        default=(),
    )
    mounts: Mapping[str, Mount] = declare.table(
        kinds.MapOf(shapes.TARGET, kinds.TableOf(Mount, "dataset", shapes.LOGICAL)),
        "Mounts besides those of the rules, or instead of one of them.",
        example={"/mnt/off/extra": "off/extra"},
    )
    without_mounts: tuple[str, ...] = declare.optional(
        kinds.ListOf(shapes.TARGET),
        "Targets of the rules that it does without.",
        example=["/mnt/opff/orgs"],
        default=(),
    )
    comment: str | None = hosts.comment()
    reason: str | None = declare.optional(
        shapes.PROSE, "Why it differs from the rules.", example="reads the log of the other"
    )
