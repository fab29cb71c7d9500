# ruff: noqa: RUF009 - declare.* give dataclass fields, made once on purpose
"""The site as an operator means it: every table read, profiles applied, places kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offctl_cli.site import declare, finding, key, kinds
from offctl_cli.site.tables import shapes
from offctl_cli.site.tables.applications import Application, Flavor
from offctl_cli.site.tables.containers import Container, Options
from offctl_cli.site.tables.datasets import Dataset
from offctl_cli.site.tables.hosts import Cluster, Host, Organisation
from offctl_cli.site.tables.routes import Route
from offctl_cli.site.tables.tunnels import Tunnel


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Everything a site can hold, over all its files."""

    include: tuple[str, ...] = declare.optional(
        kinds.ListOf(kinds.Text("a relative path, `*` allowed", most=255)),
        "Other files of the site, relative to site.toml; only there.",
        example=["hosts/*.toml", "tunnels.toml"],
        default=(),
    )
    site: Organisation = declare.required(
        kinds.TableOf(Organisation), "The site as a whole.", example={"name": "openfoodfacts"}
    )
    clusters: Mapping[str, Cluster] = declare.table(
        kinds.MapOf(shapes.NAME, kinds.TableOf(Cluster)),
        "Proxmox clusters by name.",
        example={"off-free": {"container_address": "10.1.0.{id}/24"}},
    )
    hosts: Mapping[str, Host] = declare.table(
        kinds.MapOf(shapes.NAME, kinds.TableOf(Host)),
        "Hosts by name.",
        example={"off2": {"cluster": "off-free"}},
    )
    datasets: Mapping[str, Dataset] = declare.table(
        kinds.MapOf(shapes.LOGICAL, kinds.TableOf(Dataset)),
        "Datasets by logical name.",
        example={"off/users": {"place": {"off2": "zfs-hdd/off/users"}}},
    )
    flavors: Mapping[str, Flavor] = declare.table(
        kinds.MapOf(shapes.NAME, kinds.TableOf(Flavor)),
        "Flavors of Product Opener by name.",
        example={"opff": {"place": {"off2": "zfs-hdd/opff"}}},
    )
    applications: Mapping[str, Application] = declare.table(
        kinds.MapOf(shapes.NAME, kinds.TableOf(Application)),
        "Applications by name; a flavor has its public one without being written.",
        example={"off-pro": {"flavor": "off", "kind": "producers"}},
    )
    profiles: Mapping[str, Options] = declare.table(
        kinds.MapOf(shapes.NAME, kinds.TableOf(Options)),
        "What many containers share, by name.",
        example={"product-opener": {"cores": 4}},
    )
    containers: Mapping[str, Container] = declare.table(
        kinds.MapOf(shapes.NAME, kinds.TableOf(Container)),
        "Containers by name.",
        example={"off": {"use": "product-opener", "id": 113}},
    )
    tunnels: Mapping[str, Tunnel] = declare.table(
        kinds.MapOf(shapes.NAME, kinds.TableOf(Tunnel)),
        "Encrypted connections by name.",
        example={"redis-ovh": {"service": "OffRedis"}},
    )
    routes: Mapping[str, Route] = declare.table(
        kinds.MapOf(shapes.NAME, kinds.TableOf(Route)),
        "Public names by route.",
        example={"off": {"names": ["openfoodfacts.org"], "proxy": "proxy", "container": "off"}},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A site that was read, perhaps with findings; what could not be read is left out of it.

    `containers` have their profiles applied and include those that flavors write in themselves.
    """

    site: Organisation
    clusters: Mapping[str, Cluster]
    hosts: Mapping[str, Host]
    datasets: Mapping[str, Dataset]
    flavors: Mapping[str, Flavor]
    applications: Mapping[str, Application]
    profiles: Mapping[str, Options]
    containers: Mapping[str, Container]
    tunnels: Mapping[str, Tunnel]
    routes: Mapping[str, Route]
    findings: tuple[finding.Finding, ...] = ()
    places: Mapping[key.Path, finding.Place] = field(default_factory=dict, repr=False)
    origins: Mapping[key.Path, key.Path] = field(default_factory=dict, repr=False)
    whole: finding.Place = finding.Place("site.toml", 0)

    def place(self, path: key.Path) -> finding.Place:
        """Where the value at `path` is written, a profile's line for a value from a profile.

        For a path nobody wrote: the nearest table around it, or the first file as a whole.
        """
        for length in range(len(path), 0, -1):
            written = self.origins.get(path[:length], path[:length])
            if written in self.places:
                return self.places[written]
        return self.whole
