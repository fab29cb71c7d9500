"""Pools and datasets: the ones that were here before, or nothing is concluded about them.

A pool is known by the guid of its own dataset: another disk imported under the same name has
another one, and whatever it holds is not what the text speaks of. A dataset is known by its own:
one that was received anew, or made by hand in the place of a lost one, is not adopted unasked.
Replicas are: they are received anew whenever it pleases those who replicate.
"""

from collections.abc import Mapping
import dataclasses

from offctl.desired.model import DesiredState
from offctl.observed import ObservedDataset, ObservedState, Unknown
from offctl.planner import resources
from offctl.planner.draft import Draft

GUID = "guid"


def untouchable(name: str, observed: ObservedState) -> str:
    """Why nothing may be concluded about a dataset or changed in it; empty when it may."""
    if isinstance(observed.pools, Unknown):
        return observed.pools.reason
    pool, unready = name.split("/")[0], dict(observed.unready)
    if pool not in dict(observed.pools):
        return unready.get(pool, f"pool {pool} is not imported and writable")
    parts = name.split("/")
    within = ("/".join(parts[:length]) for length in range(len(parts), 1, -1))
    return next((unready[each] for each in within if each in unready), "")


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
    others = _exchanged(desired, observed.datasets, exchanged, draft)
    if not exchanged and not others:
        return observed
    return dataclasses.replace(
        observed,
        pools=tuple(pool for pool in observed.pools if pool[0] not in exchanged),
        datasets=tuple(d for d in observed.datasets if d.name.split("/")[0] not in exchanged),
        unready=(*observed.unready, *exchanged.items(), *others),
    )


def _exchanged(
    desired: DesiredState,
    found: tuple[ObservedDataset, ...],
    pools: Mapping[str, str],
    draft: Draft,
) -> list[tuple[str, str]]:
    """Datasets that are not the ones that were here, and why; the others are remembered."""
    spoken = {d.name for d in desired.datasets if not d.replica_of and "/" in d.name}
    others = []
    for dataset in found:
        guid = dataset.property(GUID)
        if dataset.name not in spoken or guid is None or dataset.name.split("/")[0] in pools:
            continue
        resource = resources.dataset(dataset.name)
        known = draft.ledger.entry(resource.key, GUID)
        if known is None or known.value == guid.value:
            draft.settled(resource, GUID, guid.value)
        else:
            reason = (
                f"it is not the dataset that was here before (guid {guid.value}, was "
                f"{known.value}); look what happened to that one; if this one shall take its "
                f"place, `offctl-agent forget dataset {dataset.name}`"
            )
            others.append((dataset.name, reason))
    return others
