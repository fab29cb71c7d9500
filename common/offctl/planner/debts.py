"""Debts: what is owed to a host after an interrupted step, whatever the text says.

PVE's protection flag is lifted for a change of mount points; a crash in between leaves it off. The
flag of a container that the text does not manage would then stay off for ever, so it is owed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from offctl.desired.model import Container, DesiredState


@dataclass(frozen=True, slots=True)
class Debt:
    """An option of a container that must get `value` back."""

    container: int
    option: str
    value: str


def protection(container: int) -> Debt:
    """The flag that was lifted for a change of mount points."""
    return Debt(container, "protection", "1")


def spoken(debt: Debt, desired: DesiredState) -> bool:
    """Whether the text itself says what the option should be."""
    return any(
        debt.option in dict(container.options) or debt.option in container.defaults
        for container in desired.containers
        if container.id == debt.container
    )


def added(desired: DesiredState, debts: Iterable[Debt]) -> DesiredState:
    """`desired` with every debt asked for that the text does not speak of itself."""
    owed: dict[int, list[Debt]] = {}
    for debt in debts:
        owed.setdefault(debt.container, []).append(debt)
    containers = tuple(_added(c, owed.get(c.id, [])) for c in desired.containers)
    return replace(desired, containers=containers)


def _added(container: Container, debts: list[Debt]) -> Container:
    spoken = {key for key, _ in container.options} | set(container.defaults)
    extra = tuple((d.option, d.value) for d in debts if d.option not in spoken)
    if not extra:
        return container
    return replace(container, options=tuple(sorted(container.options + extra)))
