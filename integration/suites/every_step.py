"""kill -9 of the agent at every step, then a run (`make integration-nightly`).

A file that is only collected when it is named: it takes long. `STEPS=40` dies of the example's
first 40 alone.
"""

import os
from pathlib import Path

from integration.rig.fleet import Fleet
from integration.suites import inside
from integration.suites.example import Example
from integration.suites.test_example import SEEN

STEPS = os.environ.get("STEPS", "")
HOURS = 3600


def test_killed_at_every_step_of_a_host_with_steps_of_every_kind(bare_hosts: Fleet) -> None:
    (host,) = bare_hosts.add("off2")
    inside.bring(host)
    inside.passes(host, "integration/inside/every_step.py -s", seconds=2 * HOURS)


def test_killed_at_every_step_of_building_off2(fleet: Fleet, tmp_path: Path) -> None:
    (host,) = fleet.add("off2")
    off2 = Example(host, tmp_path)
    off2.prepare()
    off2.deliver()
    inside.bring(host)
    # The installed agent, not this tree's.
    said = inside.says(
        host,
        f"python3 -m integration.inside.dying {STEPS}",
        name="dying",
        path=("/usr/share/offctl", inside.PLACE),
        seconds=2 * HOURS,
    )
    *died, lived = [line.split(" ", 2)[1:] for line in said.splitlines()]
    assert lived == ["lived"]
    if STEPS:
        assert len(died) == int(STEPS)
    else:
        before, after = ([step for way, step in died if way == one] for one in ("before", "after"))
        assert before == after
        # Each dataset was created, each container created, set or mapped, and started.
        assert len(before) > 35 - 2 + 3 * 13
    # A call to pct that outlived its caller may have ended since the last look.
    off2.apply()
    events = off2.apply()["events"]
    report = off2.apply()
    assert report["events"] == events
    assert off2.unsettled(report) == []
    assert report["debts"] == []
    assert not [note for note in report["notes"] if "damaged" in note]
    assert off2.wrong() == [SEEN]
