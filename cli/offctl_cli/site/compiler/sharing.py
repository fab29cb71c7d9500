"""Who sees which data: the sharing rules of Product Opener's applications, as data.

Every application has its parent dataset and the parts of it, and the parts that a flavor shares
with all, under its own name. A public application sees products and images of every other flavor,
and images and exports of its own flavor's producer platforms; a producer platform sees the
products and the data directory of its flavor.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from offctl_cli.site import key
from offctl_cli.site.model import Site
from offctl_cli.site.tables.applications import Application, ApplicationKind

PARTS = ("products", "images", "html_data", "cache")
OWNER = "1000:1000"  # the user `off` in every container of an application
PROPERTIES = {"products": {"atime": "off"}}  # many small files, read all the time

# Parts of one owner of data that others mount at /mnt/OWNER/PART; "cache:export_files" is a
# directory inside the part.
SEEN_BY_OTHER_FLAVORS = ("products", "images")
SEEN_BY_PUBLIC_OF_FLAVOR = ("images", "cache:export_files")  # of a producer platform
SEEN_BY_PRODUCERS = ("products",)  # of the flavor
SEEN_BY_PRODUCERS_AS_OWN = (":data",)  # of the flavor, under the platform's own name


@dataclass(frozen=True, slots=True)
class Shared:
    """One mount that follows from the rules; `origin` is the stanza it follows from."""

    target: str
    dataset: str
    directory: str
    origin: key.Path


def applications(site: Site) -> dict[str, Application]:
    """The written applications, and for each flavor without a written one its public one."""
    implied = {name: Application(flavor=name) for name in site.flavors}
    return {**implied, **site.applications}


def owner_of_data(name: str, application: Application) -> str:
    """Whose parts an application calls its own: its flavor's, or a producer platform's."""
    return application.flavor if application.kind is ApplicationKind.PUBLIC else name


def mounts(site: Site, name: str) -> Iterator[Shared]:
    """Every mount of an application that is not written; its flavor must be declared."""
    application = applications(site)[name]
    own = owner_of_data(name, application)
    yield from _own(site, own)
    yield from _shared_with_all(site, own)
    if application.kind is ApplicationKind.PUBLIC:
        yield from _seen_by_public(site, application.flavor)
    else:
        yield from _seen_by_producers(application.flavor, own)


def _own(site: Site, own: str) -> Iterator[Shared]:
    origin = stanza(site, own)
    yield Shared(f"/mnt/{own}", own, "", origin)
    for part in (*PARTS, *extra_parts(site, own)):
        yield _part(own, part, own, origin)


def _shared_with_all(site: Site, own: str) -> Iterator[Shared]:
    for name, flavor in site.flavors.items():
        for part in flavor.shared:
            yield _part(name, part, own, ("flavors", name, "shared"))


def _seen_by_public(site: Site, flavor: str) -> Iterator[Shared]:
    for other in site.flavors:
        for part in SEEN_BY_OTHER_FLAVORS if other != flavor else ():
            yield _part(other, part, other, ("flavors", other))
    for name, application in site.applications.items():
        if application.kind is ApplicationKind.PRODUCERS and application.flavor == flavor:
            for part in SEEN_BY_PUBLIC_OF_FLAVOR:
                yield _part(name, part, name, ("applications", name))


def _seen_by_producers(flavor: str, own: str) -> Iterator[Shared]:
    for part in SEEN_BY_PRODUCERS:
        yield _part(flavor, part, flavor, ("applications", own))
    for part in SEEN_BY_PRODUCERS_AS_OWN:
        yield _part(flavor, part, own, ("applications", own))


def _part(owner: str, part: str, under: str, origin: key.Path) -> Shared:
    name, _, directory = part.partition(":")
    inside = "/".join(word for word in (name, directory) if word)
    dataset = f"{owner}/{name}" if name else owner
    return Shared(f"/mnt/{under}/{inside}", dataset, directory, origin)


def extra_parts(site: Site, own: str) -> tuple[str, ...]:
    """The parts an owner of data has besides the usual ones."""
    if own in site.flavors:
        return site.flavors[own].extra
    return site.applications[own].extra if own in site.applications else ()


def stanza(site: Site, own: str) -> key.Path:
    """The table an owner of data is written in."""
    return ("flavors" if own in site.flavors else "applications", own)
