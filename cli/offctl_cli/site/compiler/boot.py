"""The order of mounts at boot, for datasets whose directory lies in another pool.

systemd's generator for ZFS mounts each pool by itself; a child that comes before the directory it
appears in is hidden by it. A user property that the generator reads makes it wait.
"""

from collections.abc import Iterable
import dataclasses
import re

from offctl.desired import model

PROPERTY = "org.openzfs.systemd:requires-mounts-for"
# The generator takes several paths, apart by spaces, and leaves % to systemd.
_PLAIN = re.compile(r"[A-Za-z0-9/._:-]+")


def ordered(datasets: Iterable[model.Dataset], pools: Iterable[str]) -> tuple[model.Dataset, ...]:
    """The datasets, with the property where it is needed and nobody wrote it."""
    every = tuple(datasets)
    places = {d.mountpoint: d.name for d in every if dict(d.properties).get("canmount") != "off"}
    # A pool's own dataset is seldom written, and is mounted all the same.
    places |= {f"/{pool}": pool for pool in pools if f"/{pool}" not in places}
    return tuple(_ordered(dataset, places) for dataset in every)


def _ordered(dataset: model.Dataset, places: dict[str, str]) -> model.Dataset:
    written = {name for name, _ in dataset.properties} | set(dataset.inherit)
    outer = _outer(dataset, places)
    if dataset.replica_of or PROPERTY in written or not outer or not _PLAIN.fullmatch(outer):
        return dataset
    if places[outer].split("/")[0] == dataset.name.split("/")[0]:
        return dataset
    properties = tuple(sorted((*dataset.properties, (PROPERTY, outer))))
    return dataclasses.replace(dataset, properties=properties)


def _outer(dataset: model.Dataset, places: dict[str, str]) -> str:
    """The nearest mountpoint above, the dataset's own name left out."""
    above = (
        place
        for place, name in places.items()
        if name != dataset.name and dataset.mountpoint.startswith(place.rstrip("/") + "/")
    )
    return max(above, key=len, default="")
