"""The example's largest host, off2, on an empty machine with real pools and containers.

The tests of this file follow each other on one guest.
"""

from collections.abc import Iterator

import pytest

from integration.rig.fleet import Fleet
from integration.rig.golden import Golden
from integration.suites import stock
from integration.suites.example import Example

SEEN = "seen: 35 datasets, 13 containers, 107 mounts"
AGENT = "offctl-agent"


@pytest.fixture(scope="module")
def off2(hosts: Golden, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """An empty host, and off2's release in its inbox."""
    with Fleet(stock.HARDWARE, hosts) as fleet:
        (machine,) = fleet.add("off2")
        found = Example(machine, tmp_path_factory.mktemp("desk"))
        found.prepare()
        found.deliver()
        try:
            yield found
        finally:
            fleet.collect(stock.LOGS / "example")


def test_an_empty_host_becomes_off2_in_one_run(off2: Example) -> None:
    off2.host.run("systemctl", "start", AGENT)
    off2.await_report(1)
    # In the service's cage, by the service's own words.
    assert "failed: " not in off2.host.out("journalctl", "-o", "cat", "-u", AGENT)
    assert off2.unsettled(off2.report()) == []
    assert off2.wrong() == [SEEN]


def test_a_second_run_does_nothing(off2: Example) -> None:
    before = off2.report()
    after = off2.apply()
    assert after["sequence"] > before["sequence"]
    assert after["events"] == before["events"]
    assert off2.unsettled(after) == []


def test_everything_is_there_after_the_power_was_lost(off2: Example) -> None:
    # No run in between that would be taken for the one after.
    off2.host.run("systemctl", "stop", AGENT)
    before = off2.report()
    off2.host.run("sync")
    off2.host.power_cycle()
    # The agent begins when all guests of the boot have started, and looks at once.
    off2.await_report(before["sequence"] + 1)
    assert off2.wrong() == [SEEN]
    after = off2.report()
    assert after["events"] == before["events"]
    assert off2.unsettled(after) == []
