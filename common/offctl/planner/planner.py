"""One plan for a host: every resource planner in the order in which things depend on each other."""

from dataclasses import replace

from offctl.desired.model import DesiredState
from offctl.observed import ObservedState
from offctl.planner import (
    audit,
    containers,
    datasets,
    directories,
    making,
    pools,
    subids,
    tunnels,
)
from offctl.planner.draft import Draft
from offctl.planner.ledger import Ledger
from offctl.planner.plan import Plan


def plan(desired: DesiredState, observed: ObservedState, ledger: Ledger) -> Plan:
    """What makes `observed` what `desired` says. Pure: equal arguments give equal plans.

    Compares only with what was observed, never with what an earlier step should have caused; the
    executor skips the dependents of what failed, and the next run looks again.
    """
    draft = Draft(ledger)
    observed = pools.trusted(desired, observed, draft)
    subids.plan(desired, observed, draft)
    datasets.plan(desired, observed, draft)
    directories.plan(desired, observed, draft)
    tunnels.plan_directories(observed, draft)
    containers.plan(desired, observed, draft)
    tunnels.plan(desired, observed, draft)
    making.remember(desired, draft)
    return replace(
        audit.marked(draft.plan(), desired), unfinished=making.unfinished(desired, ledger)
    )
