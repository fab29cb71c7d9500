"""Rules about ZFS properties: that zfs would take them, and that a share has an allow list."""

from collections.abc import Iterator, Mapping

from offctl import errors
from offctl.desired import exports, properties
from offctl_cli.site import key, model
from offctl_cli.site.compiler import Compiled
from offctl_cli.site.lint import rule
from offctl_cli.site.reader import nearest
from offctl_cli.site.tables.datasets import DatasetPlace

INHERIT = "inherit"


@rule.error("invalid-property", "A ZFS property exists and zfs would take its value.")
def invalid_property(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for path, written in _all(site):
        for name, value in written.items():
            try:
                properties.canonical_name(name)
            except errors.MalformedError as error:
                near = nearest(name, sorted(properties.SUPPORTED))
                yield (*path, name), str(error), f"did you mean {near!r}?" if near else ""
                continue
            if value != INHERIT:
                yield from _value_complaints((*path, name), name, value)
            elif name in properties.NEVER_INHERITED:
                text = f"cannot inherit {name}: it is a property of each file system alone"
                yield (*path, name), text, f"write {properties.expected(name)}"


@rule.error("property-twice", "A property is written once, not also under its short name.")
def property_twice(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for path, written in _all(site):
        for alias, full in properties.ALIASES.items():
            if alias in written and full in written:
                text = f"{key.shown((*path, alias))} is another name of {full!r}, written too"
                yield (*path, alias), text, f"keep {full!r} only"


@rule.error("open-share", "A sharenfs value names private address ranges only.")
def open_share(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    hint = 'name who may mount it, such as sharenfs = "rw=@10.0.0.1/32"'
    for path, written in _all(site):
        value = written.get("sharenfs", "off")
        complaint = "" if value == INHERIT else exports.complaint(value)
        if complaint:
            yield (*path, "sharenfs"), f"{key.shown((*path, 'sharenfs'))}: {complaint}", hint


def _value_complaints(path: key.Path, name: str, value: str) -> Iterator[rule.Complaint]:
    try:
        properties.normalise(name, value)
    except errors.MalformedError as error:
        yield path, str(error), "zfs refuses it"


def _all(site: model.Site) -> Iterator[tuple[key.Path, Mapping[str, str]]]:
    """Every written set of properties."""
    for name, dataset in site.datasets.items():
        yield ("datasets", name, "properties"), dataset.properties
    for path, places in placed(site):
        for host, place in places.items():
            yield (*path, host, "properties"), place.properties


def placed(site: model.Site) -> Iterator[tuple[key.Path, Mapping[str, DatasetPlace]]]:
    """Every `place` of datasets, flavors and applications."""
    for name, dataset in site.datasets.items():
        yield ("datasets", name, "place"), dataset.place
    for name, flavor in site.flavors.items():
        yield ("flavors", name, "place"), flavor.place
    for name, application in site.applications.items():
        yield ("applications", name, "place"), application.place


RULES = (invalid_property, property_twice, open_share)
