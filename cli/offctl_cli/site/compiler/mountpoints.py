"""Where each dataset of a host is mounted on it."""

from offctl_cli.site import key
from offctl_cli.site.compiler.catalogue import Known
from offctl_cli.site.compiler.notes import Notes


def on_host(host: str, known: dict[str, Known], notes: Notes) -> dict[str, str]:
    """Logical name to path: a `mountpoint` property of its own or of the nearest parent, else
    the ZFS name below the root directory.
    """
    set_here: dict[str, str] = {}
    for each in known.values():
        path = each.place_paths.get(host)
        value = _property(each, host) if host in each.dataset.place and path else None
        if value is None or value == "inherit" or path is None:
            continue
        if not value.startswith("/") or value == "/":
            _refuse(each, host, value, path, notes)
            continue
        set_here[each.dataset.place[host].dataset] = value.rstrip("/")
    return {
        name: _mounted_at(each.dataset.place[host].dataset, set_here)
        for name, each in known.items()
        if host in each.dataset.place
    }


def _property(each: Known, host: str) -> str | None:
    of_place = each.dataset.place[host].properties
    return of_place.get("mountpoint", each.dataset.properties.get("mountpoint"))


def _refuse(each: Known, host: str, value: str, path: key.Path, notes: Notes) -> None:
    text = (
        f"dataset {each.name} on {host} has mountpoint {value[:80]!r}, but it must be a directory"
    )
    notes.complain("mountpoint", (*path, "properties", "mountpoint"), text, "it must be mountable")


def _mounted_at(dataset: str, set_here: dict[str, str]) -> str:
    parts = dataset.split("/")
    for length in range(len(parts), 0, -1):
        ancestor = "/".join(parts[:length])
        if ancestor in set_here:
            return "/".join([set_here[ancestor], *parts[length:]])
    return "/" + dataset
