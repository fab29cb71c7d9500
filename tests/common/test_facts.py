"""Facts of a desired state: whatever a state can say, two that say it differently differ."""

from collections.abc import Iterator
import dataclasses
from datetime import UTC, datetime, timedelta
import enum
from pathlib import Path
from typing import Any

import pytest

from offctl import certificates
from offctl.desired import facts
from offctl.desired.model import (
    Access,
    BindMount,
    Container,
    Dataset,
    DesiredState,
    Directory,
    Freeze,
    Identity,
    IdRange,
    Mode,
    Network,
    Probe,
    RootFilesystem,
    RunState,
    Subid,
    TunnelEnd,
    VolumeMount,
    Window,
)
from offctl_cli.site import load

CERTIFICATE, OTHER = (certificates.generate(name)[0] for name in ("h", "other"))
WINDOW = Window((5, 6), 120, 300, "Europe/Paris")
FREEZE = Freeze(datetime(2026, 3, 1, tzinfo=UTC), "a restore")
OPTIONS = (("one", "1"), ("two", "2"))
# Every field of everything says something.
STATE = DesiredState(
    site="s",
    host="h",
    mode=Mode.ENFORCE,
    identity=Identity(CERTIFICATE, "x25519:key"),
    windows=(WINDOW,),
    freeze=FREEZE,
    approved=("a", "b"),
    soak=60,
    pools=("tank",),
    unmanaged=("tank/x",),
    subids=(Subid("u", 1000, 10),),
    datasets=(
        Dataset(
            name="tank/a",
            logical="a",
            mountpoint="/tank/a",
            properties=OPTIONS,
            inherit=("three",),
            access=Access(1, 2, 0o750),
            directories=(Directory("d", Access(3, 4, 0o700)),),
            replica_of="h2",
        ),
    ),
    containers=(
        Container(
            id=113,
            name="off",
            run=RunState.RUNNING,
            template="t",
            root=RootFilesystem("fast", 8, ("noatime",)),
            unprivileged=True,
            options=OPTIONS,
            defaults=("three",),
            networks=(Network(0, "eth0", "vmbr0", "02:00:00:00:00:01", OPTIONS),),
            mounts=(
                BindMount("/m", "/tank/a/d", "tank/a", "d", OPTIONS),
                VolumeMount("/v", "fast", "5G", "subvol-113-disk-1", OPTIONS),
            ),
            idmap=(IdRange("u", 0, 100000, 10),),
            services=("nginx",),
            windows=(WINDOW,),
            freeze=FREEZE,
            probe=Probe(("true", "now"), 30),
        ),
    ),
    tunnels=(
        TunnelEnd(
            name="redis",
            role="client",
            section="Redis",
            container=113,
            instance="off",
            accept="6379",
            connect="far:6379",
            identity="redis.2",
            generation=2,
            peer_host="h2",
            peer_key="x25519:far",
            psk_file="/etc/psk",
            revoked=1,
            consumers=("robotoff",),
        ),
    ),
)


def others(value: Any) -> Iterator[tuple[str, Any]]:
    """Every value with one thing in it changed, and where that is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            for where, changed in others(getattr(value, field.name)):
                path = f"{type(value).__name__}.{field.name}{where and ' > '}{where}"
                yield path, dataclasses.replace(value, **{field.name: changed})
    elif isinstance(value, tuple):
        assert value, "a field that says nothing"
        yield "", value[:-1]
        for number, item in enumerate(value):
            if dataclasses.is_dataclass(item):
                for where, changed in others(item):
                    yield where, (*value[:number], changed, *value[number + 1 :])
    else:
        yield "", other(value)


def other(value: object) -> object:
    match value:
        case enum.Enum():
            return next(each for each in type(value) if each is not value)
        case bool():
            return not value
        case int():
            return value + 1
        case datetime():
            return value + timedelta(days=1)
        case str():
            return OTHER if value == CERTIFICATE else value + "x"
    raise AssertionError(f"a field that says nothing: {value!r}")


CHANGED = dict(others(STATE))


@pytest.mark.parametrize("where", CHANGED)
def test_whatever_changes_changes_the_facts(where: str) -> None:
    assert facts.facts(CHANGED[where]) != facts.facts(STATE), where


def test_every_kind_of_field_was_changed() -> None:
    kinds = (DesiredState, Dataset, Container, Network, BindMount, VolumeMount, TunnelEnd, Access)
    for kind in kinds:
        for field in dataclasses.fields(kind):
            name = f"{kind.__name__}.{field.name}"
            assert any(name in where.split(" > ") for where in CHANGED), name


def test_an_id_map_that_is_not_ours_is_not_the_default_one() -> None:
    container = STATE.containers[0]
    ours, nobodys = (
        dataclasses.replace(STATE, containers=(dataclasses.replace(container, idmap=idmap),))
        for idmap in ((), None)
    )
    assert facts.facts(ours) != facts.facts(nobodys)


def test_each_resource_of_the_example_is_written_somewhere() -> None:
    compiled = load.compile_site(Path(__file__).parents[2] / "examples" / "openfoodfacts")
    for state in compiled.states:
        named = {(state.host, *resource) for resource in facts.facts(state)}
        assert named - compiled.origins.keys() == set()
