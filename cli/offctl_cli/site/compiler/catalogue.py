"""Every dataset of the site by logical name: those written, and those that applications imply."""

from collections.abc import Iterator, Mapping
import dataclasses
from dataclasses import dataclass
from types import MappingProxyType

from offctl_cli.site import key
from offctl_cli.site.compiler import sharing
from offctl_cli.site.compiler.notes import Notes
from offctl_cli.site.model import Site
from offctl_cli.site.tables.applications import ApplicationKind
from offctl_cli.site.tables.datasets import Dataset, DatasetPlace


@dataclass(frozen=True, slots=True)
class Known:
    """A dataset of the site. `written_at` finds its keys; `implied` ones follow from a stanza."""

    name: str
    dataset: Dataset
    place_paths: Mapping[str, key.Path]
    path: key.Path
    owner_is_rule: bool


def datasets(site: Site, notes: Notes) -> dict[str, Known]:
    """Logical name to dataset, sorted; a written table adds to and wins over what is implied."""
    implied = {known.name: known for known in _implied(site)}
    merged = dict(implied)
    for name, written in site.datasets.items():
        path = ("datasets", name)
        paths: dict[str, key.Path] = {host: (*path, "place", host) for host in written.place}
        if name not in implied:
            merged[name] = Known(name, written, paths, path, owner_is_rule=False)
            continue
        rule = implied[name]
        merged[name] = Known(
            name,
            _over(written, rule.dataset),
            {**rule.place_paths, **paths},
            path,
            owner_is_rule=written.owner is None,
        )
    return {name: _with_known_hosts(site, merged[name], notes) for name in sorted(merged)}


def _implied(site: Site) -> Iterator[Known]:
    for name, flavor in site.flavors.items():
        parts = (*sharing.PARTS, *flavor.extra, *flavor.shared)
        yield from _family(("flavors", name), flavor.place, parts)
    for name, application in site.applications.items():
        if application.kind is ApplicationKind.PRODUCERS:
            parts = (*sharing.PARTS, *application.extra)
            yield from _family(("applications", name), application.place, parts)


def _family(
    path: tuple[str, str], place: Mapping[str, DatasetPlace], parts: tuple[str, ...]
) -> Iterator[Known]:
    paths: dict[str, key.Path] = {host: (*path, "place", host) for host in place}
    parent = Dataset(place=place, owner=sharing.OWNER)
    yield Known(path[1], parent, paths, path, owner_is_rule=True)
    for part in dict.fromkeys(parts):
        below = {
            host: dataclasses.replace(
                each, dataset=f"{each.dataset}/{part}", properties=MappingProxyType({})
            )
            for host, each in place.items()
        }
        dataset = Dataset(
            place=below, owner=sharing.OWNER, properties=sharing.PROPERTIES.get(part, {})
        )
        yield Known(f"{path[1]}/{part}", dataset, paths, path, owner_is_rule=True)


def _over(written: Dataset, rule: Dataset) -> Dataset:
    return dataclasses.replace(
        written,
        place={**rule.place, **written.place},
        properties={**rule.properties, **written.properties},
        owner=written.owner or rule.owner,
    )


def _with_known_hosts(site: Site, known: Known, notes: Notes) -> Known:
    place = {}
    for host, each in known.dataset.place.items():
        path = known.place_paths[host]
        declared = notes.declared("host", host, site.hosts, path)
        if each.replica_of is not None:
            notes.declared("host", each.replica_of, site.hosts, (*path, "replica_of"))
        if declared:
            place[host] = each
    return dataclasses.replace(known, dataset=dataclasses.replace(known.dataset, place=place))
