"""The power goes away in the middle of a change."""

import pytest

from integration.suites import ground
from integration.suites.scene import Scene
from integration.suites.test_service import journal, many

COUNT = 25


@pytest.mark.parametrize("after", [1, 15])
def test_a_host_that_loses_power_while_converging_converges(pair: Scene, after: int) -> None:
    host = pair.host("off1")
    known = ground.datasets(host)
    pair.write("many.toml", many(COUNT))
    pair.sign_and_publish()
    host.until(
        f"{after} of {COUNT} datasets",
        lambda: len(ground.datasets(host)) >= len(known) + after,
    )
    host.power_cycle()
    pair.settle()
    assert len(ground.datasets(host)) == len(known) + COUNT
    assert set(known) <= set(ground.datasets(host))
    # Nothing was torn: what is damaged would have been set aside.
    assert host.out("sh", "-c", "ls /var/lib/offctl/agent | grep damaged || true") == ""
    assert host.out("offctl-agent", "plan").splitlines()
    assert journal(host, "OFFCTL_OUTCOME=failed") == []


def test_a_coordinator_that_loses_power_keeps_what_it_accepted(pair: Scene) -> None:
    pair.write("many.toml", many(5))
    serial = pair.sign_and_publish()
    pair.coordinator.power_cycle()
    pair.settle()
    assert pair.status()["off1"]["serial"] == serial
