"""Flavors and applications, recognised by what their containers mount and by what is called how.

The sharing rules of the language say what each would mount; what a container has besides, or
lacks, stays written.
"""

from collections.abc import Iterator, Mapping
import copy
from typing import Any

from offctl.desired import names
from offctl_cli.adopt import meaning
from offctl_cli.adopt.folding import Folded
from offctl_cli.site.compiler import sharing
from offctl_cli.site.model import Site

Table = dict[str, Any]
ENOUGH = 3  # of the usual parts


def recognise(folded: Folded) -> None:
    """Write flavors and applications, and take out of the other tables what follows from them."""
    tables = folded.tables
    runs = dict(_runs(folded))
    if not runs:
        return
    owners = set(runs.values())
    producers = {own: flavor for own in owners if (flavor := _flavor_of(own, owners, tables, runs))}
    flavors = {own: _family(own, tables, runs) for own in sorted(owners - producers.keys())}
    for own, family in flavors.items():
        if shared := sorted(_shared(own, tables, runs)):
            extra = [part for part in family.pop("extra", []) if part not in shared]
            family.update(({"extra": extra} if extra else {}) | {"shared": shared})
    applications = {
        own: {"flavor": flavor, "kind": "producers", **_family(own, tables, runs)}
        for own, flavor in sorted(producers.items())
    }
    tables["flavors"] = flavors
    if applications:
        tables["applications"] = applications
    site = meaning.site_of(tables, "site")
    for name, own in runs.items():
        _follow(name, own, site, folded)
    for own in owners:
        _thin(own, site, tables)


def _runs(folded: Folded) -> Iterator[tuple[str, str]]:
    """Each container that mounts a dataset and its usual parts at its name: the owner's name."""
    tables = folded.tables
    for name, container in tables["containers"].items():
        mounts = {target: _dataset(mount) for target, mount in container.get("mounts", {}).items()}
        for own in tables["datasets"]:
            parts = [part for part in sharing.PARTS if mounts.get(f"/mnt/{own}/{part}")]
            is_own = all(
                mounts[f"/mnt/{own}/{part}"] == f"{own}/{part}"
                for part in parts
                if part in ("html_data", "cache")
            )
            enough = mounts.get(f"/mnt/{own}") == own and len(parts) >= ENOUGH and is_own
            if not enough or not _has_parts(own, container["host"], tables):
                continue
            if names.NAME.fullmatch(own):
                yield name, own
            else:
                text = f"it looks like one of {own}, and no flavor can be called that: written out"
                folded.remark("container", name, text)


def _has_parts(own: str, host: str, tables: Table) -> bool:
    """Whether what the rule speaks of is there: what is not would be made."""
    datasets = tables["datasets"]
    return all(host in datasets.get(f"{own}/{part}", {}).get("place", {}) for part in sharing.PARTS)


def _flavor_of(own: str, owners: set[str], tables: Table, runs: Mapping[str, str]) -> str:
    """Whose producer platform it is: it shows that flavor's data under its own name."""
    for name, container in tables["containers"].items():
        if runs.get(name) != own:
            continue
        mount = container["mounts"].get(f"/mnt/{own}/data")
        if isinstance(mount, dict) and mount["dataset"] in owners - {own}:
            return str(mount["dataset"])
    return next((other for other in owners if own == f"{other}-pro"), "")


def _family(own: str, tables: Table, runs: Mapping[str, str]) -> Table:
    """Its parent dataset where its containers are, and its parts besides the usual ones."""
    here = {tables["containers"][name]["host"] for name, each in runs.items() if each == own}
    place = {host: _zfs(tables["datasets"][own], host) for host in sorted(here)}
    extra = sorted(
        part
        for name in (n for n, each in runs.items() if each == own)
        for target, mount in tables["containers"][name]["mounts"].items()
        for part in [target.removeprefix(f"/mnt/{own}/")]
        if part not in (*sharing.PARTS, target)
        and mount == f"{own}/{part}"
        and "/" not in part
        and _implied(f"{own}/{part}", place, tables)
    )
    return {"place": place} | ({"extra": list(dict.fromkeys(extra))} if extra else {})


def _shared(own: str, tables: Table, runs: Mapping[str, str]) -> set[str]:
    """Its parts that containers of others mount under their own names."""
    place = {
        host: _zfs(tables["datasets"][own], host)
        for host in {tables["containers"][n]["host"] for n, each in runs.items() if each == own}
    }
    return {
        part
        for name, other in runs.items()
        if other != own
        for target, mount in tables["containers"][name]["mounts"].items()
        for part in [target.removeprefix(f"/mnt/{other}/")]
        if mount == f"{own}/{part}"
        and part not in sharing.PARTS
        and "/" not in part
        and _implied(f"{own}/{part}", place, tables)
    }


def _implied(name: str, place: Mapping[str, str], tables: Table) -> bool:
    """Whether a dataset is there wherever the rule would have it."""
    there = tables["datasets"].get(name, {}).get("place", {})
    return all(host in there for host in place)


def _follow(name: str, own: str, site: Site, folded: Folded) -> None:
    """A container's mounts without those of the rules, and without the rules it does not have."""
    container = folded.tables["containers"][name]
    ruled: dict[str, object] = {
        shared.target: {"dataset": shared.dataset, "directory": shared.directory}
        if shared.directory
        else shared.dataset
        for shared in sharing.mounts(site, own)
    }
    written = container.pop("mounts")
    lacking = [target for target in ruled if target not in written]
    others = {t: mount for t, mount in written.items() if ruled.get(t) != mount}
    words: Table = {"application": own}
    if lacking:
        words["without_mounts"] = lacking
        folded.remark("container", name, f"{own} without {', '.join(lacking)}")
    if others:
        words["mounts"] = others
        folded.remark("container", name, f"{own} with mounts of its own: {', '.join(others)}")
    folded.tables["containers"][name] = {**container, **words}


def _thin(own: str, site: Site, tables: Table) -> None:
    """Take out of the datasets of an owner what follows from its stanza."""
    family = site.flavors.get(own) or site.applications[own]
    parts = [*sharing.PARTS, *family.extra, *getattr(family, "shared", ())]
    for part in ("", *dict.fromkeys(parts)):
        name = f"{own}/{part}" if part else own
        dataset = tables["datasets"].get(name)
        if dataset is None:
            continue
        properties = sharing.PROPERTIES.get(part, {})
        for host, place in family.place.items():
            implied = f"{place.dataset}/{part}" if part else place.dataset
            if dataset["place"].get(host) == implied:
                del dataset["place"][host]
        if not dataset["place"]:
            del dataset["place"]
        if dataset.get("owner") == sharing.OWNER and "as_seen_by" not in dataset:
            del dataset["owner"]
        written = copy.copy(dataset.pop("properties", {}))
        kept = {key: value for key, value in written.items() if properties.get(key) != value}
        kept |= {key: "inherit" for key in properties if key not in written}
        if kept:
            dataset["properties"] = kept
        if not dataset:
            del tables["datasets"][name]


def _zfs(dataset: Table, host: str) -> str:
    place = dataset["place"][host]
    return str(place["dataset"] if isinstance(place, dict) else place)


def _dataset(mount: object) -> str:
    return str(mount["dataset"]) if isinstance(mount, dict) else str(mount)
