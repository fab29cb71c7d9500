"""What is only looked at: steps on datasets, and on their directories, that the text says so of."""

from dataclasses import replace

from offctl.desired.model import DesiredState, Mode
from offctl.planner import resources
from offctl.planner.plan import Plan


def marked(plan: Plan, desired: DesiredState) -> Plan:
    """The plan, its steps on such datasets shown and never carried out."""
    audited = {
        key
        for dataset in desired.datasets
        if dataset.mode is Mode.AUDIT
        for key in (
            resources.dataset(dataset.name).key,
            resources.directory(dataset.mountpoint).key,
            *(
                resources.directory(f"{dataset.mountpoint}/{d.path}").key
                for d in dataset.directories
            ),
        )
    }
    if not audited:
        return plan
    steps = (
        replace(step, audited=True) if step.action and step.resource.key in audited else step
        for step in plan
    )
    return replace(plan, steps=tuple(steps))
