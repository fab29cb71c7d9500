"""What we began to make and have never seen whole: nobody uses it yet.

A first build that was interrupted leaves datasets whose directories are nobody's, and containers
without their mounts. Finishing those changes nothing that was there before.
"""

from collections.abc import Iterator

from offctl.desired.model import DesiredState
from offctl.planner import resources
from offctl.planner.draft import Draft
from offctl.planner.ledger import EXISTS, Ledger
from offctl.planner.plan import Resource

WHOLE = "whole"
YES = "yes"


def remember(desired: DesiredState, draft: Draft) -> None:
    """Note what nothing is left to do for; to be called when all else is planned."""
    plan = draft.plan()
    there = {s.key for s in plan.settled if s.field == EXISTS}
    open_ = {step.resource.key for step in plan if step.action is not None}
    open_ |= {finding.resource.key for finding in plan.findings if finding.state == "unknown"}
    for resource, keys in _things(desired):
        if resource.key in there and open_.isdisjoint(keys):
            draft.settled(resource, WHOLE, YES)


def unfinished(desired: DesiredState, ledger: Ledger) -> frozenset[str]:
    """The keys of all that belongs to datasets and containers of ours that never were whole."""
    return frozenset(
        key
        for resource, keys in _things(desired)
        if ledger.ours(resource.key, EXISTS) and ledger.entry(resource.key, WHOLE) is None
        for key in keys
    )


def _things(desired: DesiredState) -> Iterator[tuple[Resource, list[str]]]:
    """Each dataset and container, and the keys of it and of what is made with it."""
    for dataset in desired.datasets:
        resource = resources.dataset(dataset.name)
        paths = [f"{dataset.mountpoint}/{each.path}" for each in dataset.directories]
        inside = [resources.directory(path).key for path in (dataset.mountpoint, *paths)]
        yield resource, [resource.key, *inside]
    for container in desired.containers:
        resource = resources.container(container.id, container.name)
        yield resource, [resource.key]
