"""The power goes away in the middle of a change."""

import pytest

from integration.suites import ground
from integration.suites.scene import Scene
from integration.suites.test_service import journal, many

COUNT = 40


@pytest.mark.parametrize("after", [1, 15])
def test_a_host_that_loses_power_while_converging_converges(scene: Scene, after: int) -> None:
    host = scene.host("off1")
    known = ground.datasets(host)
    scene.write("many.toml", many(COUNT))
    scene.sign_and_publish()
    host.until(
        f"{after} of {COUNT} datasets",
        lambda: len(ground.datasets(host)) >= len(known) + after,
    )
    host.power_cycle()
    scene.settle()
    assert len(ground.datasets(host)) == len(known) + COUNT
    assert set(known) <= set(ground.datasets(host))
    # Nothing was torn: what is damaged would have been set aside.
    assert host.out("sh", "-c", "ls /var/lib/offctl/agent | grep damaged || true") == ""
    assert host.out("offctl-agent", "plan").splitlines()
    assert journal(host, "OFFCTL_OUTCOME=failed") == []


def test_a_coordinator_that_loses_power_keeps_what_it_accepted(scene: Scene) -> None:
    scene.write("many.toml", many(5))
    serial = scene.sign_and_publish()
    scene.coordinator.power_cycle()
    scene.settle()
    assert {entry["serial"] for entry in scene.status().values()} == {serial}
