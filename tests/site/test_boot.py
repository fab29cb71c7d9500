"""Which datasets wait at boot for the directory they appear in."""

from offctl.desired.model import Dataset
from offctl_cli.site.compiler import boot

OUTER = Dataset("hdd/off", "off", "/srv/off")


def waits(*datasets: Dataset, pools: tuple[str, ...] = ()) -> dict[str, str]:
    found = {d.name: dict(d.properties) for d in boot.ordered(datasets, pools)}
    return {name: p[boot.PROPERTY] for name, p in found.items() if boot.PROPERTY in p}


def test_a_child_in_a_directory_of_another_pool_waits() -> None:
    inner = Dataset("nvme/products", "products", "/srv/off/products", (("atime", "off"),))
    assert waits(OUTER, inner) == {"nvme/products": "/srv/off"}
    ordered = boot.ordered([OUTER, inner], ())
    assert ordered[1].properties == (("atime", "off"), (boot.PROPERTY, "/srv/off"))


def test_the_nearest_directory_counts() -> None:
    deep = Dataset("hdd/deep", "deep", "/srv/off/deep")
    assert waits(OUTER, deep, Dataset("nvme/x", "x", "/srv/off/deep/x")) == {
        "nvme/x": "/srv/off/deep"
    }
    near = Dataset("nvme/deep", "deep", "/srv/off/deep")
    assert waits(OUTER, near, Dataset("nvme/x", "x", "/srv/off/deep/x")) == {
        "nvme/deep": "/srv/off"
    }


def test_a_pool_counts_though_nobody_wrote_it() -> None:
    assert waits(Dataset("nvme/x", "x", "/hdd/x"), pools=("hdd", "nvme")) == {"nvme/x": "/hdd"}


def test_who_needs_not_wait() -> None:
    assert waits(OUTER, Dataset("hdd/off/images", "images", "/srv/off/images")) == {}
    assert waits(OUTER, Dataset("nvme/x", "x", "/srv/offer")) == {}
    assert waits(Dataset("nvme/x", "x", "/nvme/x"), pools=("hdd", "nvme")) == {}


def test_what_is_never_mounted_is_not_waited_for() -> None:
    shelf = Dataset("hdd/off", "off", "/srv/off", (("canmount", "off"),))
    assert waits(shelf, Dataset("nvme/x", "x", "/srv/off/x")) == {}


def test_what_somebody_wrote_stays() -> None:
    written = Dataset("nvme/x", "x", "/srv/off/x", ((boot.PROPERTY, "/elsewhere"),))
    given = Dataset("nvme/y", "y", "/srv/off/y", inherit=(boot.PROPERTY,))
    assert waits(OUTER, written, given) == {"nvme/x": "/elsewhere"}


def test_a_replica_is_not_touched() -> None:
    replica = Dataset("nvme/x", "x", "/srv/off/x", replica_of="off1")
    assert waits(OUTER, replica) == {}


def test_a_path_the_generator_would_misread_is_not_written() -> None:
    outer = Dataset("hdd/off", "off", "/srv/my off")
    assert waits(outer, Dataset("nvme/x", "x", "/srv/my off/x")) == {}
