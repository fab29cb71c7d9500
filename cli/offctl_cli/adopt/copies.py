"""Datasets of one name on several hosts, of which only some have containers that show them.

The others may be copies that are received from there. Nobody can see that for certain, and nothing
must be written to a copy: so it is said, and left to a person to write.
"""

from typing import Any

from offctl_cli.adopt.folding import Folded

Table = dict[str, Any]


def tell(folded: Folded) -> None:
    """A remark beside the topmost of each tree of them."""
    datasets: dict[str, Table] = folded.tables["datasets"]
    shown = _shown(folded.tables)
    told: set[tuple[str, str]] = set()
    for name in sorted(datasets, key=lambda each: folded.apart.get(each, each).split("/")):
        called = folded.apart.get(name, name)
        places = datasets[name].get("place", {})
        used = [host for host in datasets[called].get("place", {}) if (called, host) in shown]
        for host in places if used else ():
            top = called.partition("/")[0]
            if host in used or (name, host) in shown or (top, host) in told:
                continue
            told.add((top, host))
            place = places[host]
            zfs = place["dataset"] if isinstance(place, dict) else place
            folded.remark(
                "dataset",
                name,
                f"containers of {', '.join(used)} show {called}, and none of {host}: if it is "
                f"received there, write under [datasets.{called}] "
                f'place.{host} = {{ dataset = "{zfs}", replica_of = "{used[0]}" }}, '
                "and so for what is below it",
            )


def _shown(tables: Table) -> set[tuple[str, str]]:
    found = set()
    for container in tables["containers"].values():
        for mount in container.get("mounts", {}).values():
            dataset = mount["dataset"] if isinstance(mount, dict) else mount
            found.add((str(dataset), str(container["host"])))
    return found
