"""Whom a step concerns, in the example."""

from pathlib import Path

import pytest

from offctl.planner import actions as act
from offctl.planner import resources
from offctl.planner.foresight import Later
from offctl.planner.plan import Effect, Origin, Resource, Step
from offctl.report import Difference
from offctl_cli.affected import Neighbours
from offctl_cli.site import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "openfoodfacts"
COMPILED = load.compile_site(EXAMPLE)
AROUND = Neighbours(COMPILED.states, {("off2", 113): "off", ("off2", 114): "off-pro"})
OFF2, OVH1 = (state for state in COMPILED.states if state.host in ("off2", "ovh1"))
REDIS = "tunnel redis-ovh (used by off-query, robotoff, search, container 113 on ovh1)"


def step(
    resource: Resource,
    *,
    container: int = 0,
    effect: Effect = Effect.ONLINE,
    action: act.Action | None = None,
    field: str = "x",
) -> Step:
    difference = Difference(field, "absent", "yes")
    return Step(
        resource,
        "do",
        effect,
        Origin.WANTED,
        action,
        differences=(difference,),
        container=container,
    )


def test_a_dataset_concerns_who_mounts_it_and_a_new_one_nobody() -> None:
    dataset = resources.dataset("zfs-nvme/off/products")
    found = AROUND.of_step(OFF2, step(dataset))
    assert "container 113 off (application off)" in found
    assert "container 110 opff" in found
    assert not [each for each in found if "mongodb" in each]
    assert AROUND.of_step(OFF2, step(dataset, field="exists")) == ()


@pytest.mark.parametrize("path", ["/zfs-hdd/off/cache/export_files", "/zfs-hdd/off/cache"])
def test_a_directory_concerns_who_sees_it_or_what_is_around_it(path: str) -> None:
    found = AROUND.of_step(OFF2, step(resources.directory(path)))
    assert "container 113 off (application off)" in found
    assert AROUND.of_step(OFF2, step(resources.directory("/elsewhere"))) == ()
    assert AROUND.of_step(OFF2, step(resources.subids())) == ()


def test_a_restart_concerns_the_application_and_both_ends_of_tunnels() -> None:
    proxy = resources.container(101, "proxy")
    found = AROUND.of_step(OFF2, step(proxy, container=101, effect=Effect.RESTART))
    assert REDIS in found
    assert AROUND.of_step(OFF2, step(proxy, container=101)) == (), "online: nobody is cut off"
    client = resources.container(113, "ovh-stunnel-client")
    here = AROUND.of_step(OVH1, step(client, container=113, effect=Effect.RESTART))
    assert "tunnel redis-ovh (used by off-query, robotoff, search)" in here
    off = resources.container(113, "off")
    assert AROUND.of_step(OFF2, step(off, container=113)) == ("application off",)


def test_a_renewal_concerns_the_tunnels_of_the_instance_alone() -> None:
    ends = tuple(end for end in OFF2.tunnels if end.name == "redis-ovh")
    renew = act.RenewTunnels("s", 101, "off", ends)
    resource = resources.stunnel(101, "off")
    found = AROUND.of_step(OFF2, step(resource, container=101, effect=Effect.RELOAD, action=renew))
    assert found == (REDIS,)


def test_what_follows_concerns_somebody_only_if_it_restarts() -> None:
    off_pro = resources.container(114, "off-pro")
    assert AROUND.of_later(OFF2, Later(off_pro, "restart", Effect.RESTART, 114)) == (
        "application off-pro",
    )
    assert AROUND.of_later(OFF2, Later(off_pro, "write and start", Effect.ONLINE, 114)) == ()
