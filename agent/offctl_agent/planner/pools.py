"""Pools: the one that was here before, or nothing is concluded about what is in it.

A pool is known by the guid of its own dataset: another disk imported under the same name has
another one, and whatever it holds is not what the text speaks of.
"""

import dataclasses

from offctl.desired.model import DesiredState
from offctl_agent.observed import ObservedState, Unknown
from offctl_agent.planner import resources
from offctl_agent.planner.draft import Draft

GUID = "guid"


def untouchable(name: str, observed: ObservedState) -> str:
    """Why nothing may be concluded about a dataset or changed in it; empty when it may."""
    if isinstance(observed.pools, Unknown):
        return observed.pools.reason
    pool = name.split("/")[0]
    if pool in dict(observed.pools):
        return ""
    return dict(observed.unready).get(pool, f"pool {pool} is not imported and writable")


def trusted(desired: DesiredState, observed: ObservedState, draft: Draft) -> ObservedState:
    """What was observed, without the pools that were exchanged since they were first seen."""
    if isinstance(observed.datasets, Unknown) or isinstance(observed.pools, Unknown):
        return observed
    spoken = {dataset.name.split("/")[0] for dataset in desired.datasets}
    exchanged: dict[str, str] = {}
    for dataset in observed.datasets:
        guid = dataset.property(GUID)
        if dataset.name not in spoken or guid is None:
            continue
        resource = resources.pool(dataset.name)
        known = draft.ledger.entry(resource.key, GUID)
        if known is None or known.value == guid.value:
            draft.settled(resource, GUID, guid.value)
        else:
            exchanged[dataset.name] = (
                f"pool {dataset.name} is not the one that was here before (guid {guid.value}, "
                f"was {known.value}); if it shall be, `offctl-agent forget pool {dataset.name}`"
            )
    if not exchanged:
        return observed
    return dataclasses.replace(
        observed,
        pools=tuple(pool for pool in observed.pools if pool[0] not in exchanged),
        datasets=tuple(d for d in observed.datasets if d.name.split("/")[0] not in exchanged),
        unready=(*observed.unready, *exchanged.items()),
    )
