"""The example's largest host, off2, on an empty machine with real pools and containers."""

from collections.abc import Iterator

import pytest

from integration.rig.fleet import Fleet
from integration.rig.golden import Golden
from integration.suites import proxmox, stock
from integration.suites.conftest import tell
from integration.suites.example import Example

SEEN = "seen: 43 datasets, 14 containers, 113 mounts"
AGENT = "offctl-agent"


@pytest.fixture(scope="module")
def off2(installed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """An empty host, and off2's release in its inbox; the tests of this file follow each other."""
    with Fleet(stock.HARDWARE, proxmox.ready(installed, tell)) as fleet:
        (machine,) = fleet.add("off2")
        found = Example(machine, tmp_path_factory.mktemp("desk"))
        found.prepare()
        found.deliver()
        yield found


def test_an_empty_host_becomes_off2(off2: Example) -> None:
    off2.host.run("systemctl", "start", AGENT)
    off2.host.until("the first run", lambda: off2.report() is not None, timeout=1500)
    report = off2.report()
    assert report is not None
    assert [e for e in report["events"] if e["outcome"] != "done"] == []
    assert off2.left(report) == []
    assert off2.wrong() == [SEEN]
