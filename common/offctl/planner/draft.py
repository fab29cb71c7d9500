"""Collecting one plan: what every resource planner writes into, and how it words differences."""

from collections.abc import Iterable

from offctl.planner.actions import Action
from offctl.planner.ledger import Ledger
from offctl.planner.plan import Effect, Finding, Origin, Plan, Resource, Settled, Step
from offctl.report import Difference

ABSENT = "absent"


class Draft:
    """Steps, findings and settled fields so far; the ledger is only read."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._steps: list[Step] = []
        self._findings: list[Finding] = []
        self._settled: list[Settled] = []
        self._resources: set[str] = set()

    def counts(self, resource: Resource) -> None:
        """Count a desired resource, whatever its state."""
        self._resources.add(resource.key)

    def step(
        self,
        resource: Resource,
        text: str,
        action: Action,
        *,
        differences: Iterable[Difference],
        requires: Iterable[str] = (),
        effect: Effect = Effect.ONLINE,
        container: int = 0,
        audited: bool = False,
        origin: Origin | None = None,
    ) -> None:
        """Something to do; its origin follows from the ledger unless it is given."""
        found = tuple(differences)
        self._steps.append(
            Step(
                resource=resource,
                text=text,
                effect=effect,
                origin=origin or self._origin(resource.key, found),
                action=action,
                differences=found,
                requires=tuple(requires),
                container=container,
                audited=audited,
            )
        )

    def blocked(
        self, resource: Resource, text: str, reason: str, differences: Iterable[Difference] = ()
    ) -> None:
        """Something that cannot be done; `reason` says why and what would unblock it."""
        found = tuple(differences)
        self._steps.append(
            Step(
                resource=resource,
                text=text,
                effect=Effect.BLOCKED,
                origin=self._origin(resource.key, found),
                reason=reason,
                differences=found,
            )
        )

    def unknown(self, resource: Resource, reason: str) -> None:
        self._findings.append(Finding(resource, "unknown", reason))

    def drift(self, resource: Resource, reason: str) -> None:
        """Something that differs and that no action of ours mends."""
        self._findings.append(Finding(resource, "drift", reason))

    def orphan(self, resource: Resource, reason: str) -> None:
        self._findings.append(Finding(resource, "orphan", reason))

    def unmanaged(self, resource: Resource, reason: str) -> None:
        self._findings.append(Finding(resource, "unmanaged", reason))

    def settled(self, resource: Resource, field: str, value: str) -> None:
        """`field` is already `value`, as desired."""
        self._settled.append(Settled(resource.key, field, value))

    def plan(self) -> Plan:
        return Plan(
            tuple(self._steps),
            tuple(self._findings),
            tuple(self._settled),
            len(self._resources),
        )

    def _origin(self, key: str, differences: tuple[Difference, ...]) -> Origin:
        """Corrective only when every difference undoes what somebody else did."""
        if differences and all(
            self.ledger.origin(key, d.field, d.desired) is Origin.CORRECTIVE for d in differences
        ):
            return Origin.CORRECTIVE
        return Origin.WANTED
