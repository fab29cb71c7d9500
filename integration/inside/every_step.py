"""kill -9 at every single step, before it, in the middle of it and after it; then a run.

Not collected unless it is named: it takes an hour.
"""

from pathlib import Path

from integration.inside import dying, killing
from integration.inside.killing import BUILDING, CHANGING, MENDING


def test_killed_at_every_step_of_a_host_with_steps_of_every_kind(tmp_path: Path) -> None:
    with killing.mortal(tmp_path) as host:
        for days, kinds in (
            (killing.build, BUILDING),
            (killing.change, CHANGING),
            (killing.mend, MENDING),
        ):
            died = days(host, dying.label)
            assert killing.kinds(died) >= kinds
