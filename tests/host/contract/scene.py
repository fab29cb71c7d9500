"""What the contract's tests share: actions made short, and ways of looking."""

from dataclasses import replace

import pytest

from host.rig import Rig
from offctl.desired.model import (
    DesiredState,
    IdRange,
    Mode,
)
from offctl.errors import HostError
from offctl.observed import (
    Configuration,
    ObservedContainer,
    ObservedDataset,
    ObservedState,
    Property,
    Unknown,
)
from offctl.planner import actions as act

NOTHING = DesiredState(site="test", host="off2", mode=Mode.ENFORCE)
CT = 110
TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
IDMAP = tuple(
    IdRange(kind, inside, outside, count)
    for kind in "ug"
    for inside, outside, count in ((0, 100000, 999), (1000, 1000, 64536))
)
LINES = ("u 0 100000 999", "u 1000 1000 64536", "g 0 100000 999", "g 1000 1000 64536")


def refused(rig: Rig, action: act.Action, code: str) -> HostError:
    """Execute and expect a refusal with this code and a sentence for people."""
    with pytest.raises(HostError) as caught:
        rig.host.execute(action)
    assert caught.value.code == code, str(caught.value)
    assert str(caught.value).startswith("cannot ")
    return caught.value


def look(rig: Rig, desired: DesiredState = NOTHING) -> ObservedState:
    return rig.host.observe(desired)


def standing(rig: Rig) -> ObservedState:
    """What is there, but for the room in pools: ZFS settles in its own time what was written."""
    seen = look(rig)
    assert not isinstance(seen.pools, Unknown), seen.pools.reason
    return replace(seen, pools=tuple((name, 0) for name, _ in seen.pools))


def dataset(rig: Rig, name: str) -> ObservedDataset | None:
    found = look(rig).datasets
    assert not isinstance(found, Unknown)
    return next((d for d in found if d.name == name), None)


def container(rig: Rig, number: int = CT) -> ObservedContainer:
    found = look(rig).containers
    assert not isinstance(found, Unknown)
    return next(c for c in found if isinstance(c, ObservedContainer) and c.id == number)


def configuration(rig: Rig, number: int = CT) -> Configuration:
    return container(rig, number).configuration


def prop(rig: Rig, name: str, key: str) -> Property:
    found = dataset(rig, name)
    assert found is not None
    value = found.property(key)
    assert value is not None
    return value


def make(rig: Rig, name: str, **properties: str) -> str:
    """Create a dataset below the pool through the host; gives its full name."""
    whole = f"{rig.pool}/{name}"
    rig.host.execute(act.CreateDataset(whole, tuple(properties.items()), f"/{whole}"))
    return whole


def create(rig: Rig, *options: tuple[str, str], number: int = CT) -> None:
    action = act.CreateContainer(number, TEMPLATE, f"{rig.storage}:8", True, options)
    rig.host.execute(action)


def changed(
    rig: Rig,
    options: dict[str, str] | None = None,
    *,
    delete: tuple[str, ...] = (),
    revert: tuple[str, ...] = (),
    protected: bool = False,
) -> act.SetContainer:
    """A SetContainer whose `before` is what is there now."""
    now = configuration(rig)
    wanted = options or {}
    before = tuple((key, now.option(key) or "") for key in (*wanted, *delete, *revert))
    return act.SetContainer(CT, tuple(wanted.items()), delete, revert, before, protected)


def source(rig: Rig, name: str) -> act.Source:
    return act.Source(f"/{rig.pool}/{name}", f"{rig.pool}/{name}", f"/{rig.pool}/{name}")


def mounts(rig: Rig) -> dict[str, str]:
    """What the running container really has."""
    effective = container(rig).effective
    assert effective is not None
    return dict(effective.mounts)


def with_mount(rig: Rig) -> str:
    """A container that shows a dataset at /mnt/off; gives the dataset's name."""
    name = make(rig, "off")
    create(rig)
    rig.host.execute(changed(rig, {"mp0": f"/{name},mp=/mnt/off"}))
    return name
