"""The plan: an ordered list of steps and findings that can answer questions about itself.

A step is one action on one resource with the differences it removes. What cannot be done is a step
too, without an action and with the reason; what needs no doing but should be known is a finding.
"""

from collections.abc import Iterator
from dataclasses import dataclass
import enum
import hashlib

from offctl.planner.actions import Action, RestartContainer
from offctl.report import Difference


class Effect(enum.Enum):
    """What carrying out a step costs those who use the resource."""

    ONLINE = "online"
    RELOAD = "reload"
    RESTART = "restart"
    BLOCKED = "blocked"


class Origin(enum.Enum):
    """Why there is a difference: the text changed, or somebody changed the host."""

    WANTED = "wanted"
    CORRECTIVE = "corrective"


@dataclass(frozen=True, slots=True)
class Resource:
    """One managed thing. `key` is its identity and survives renaming; `label` is for people."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, or (with effect BLOCKED and no action) one thing that cannot be done.

    `requires` are keys of resources that must not have failed before. `container` is the id the
    restart consent is about, 0 for none. `audited` steps are shown and never carried out.
    """

    resource: Resource
    text: str
    effect: Effect
    origin: Origin
    action: Action | None = None
    reason: str = ""
    differences: tuple[Difference, ...] = ()
    requires: tuple[str, ...] = ()
    container: int = 0
    audited: bool = False

    @property
    def claimed(self) -> tuple[Difference, ...]:
        """What becomes ours when it is done.

        A restart only brings into effect what is written, by us or by somebody else.
        """
        return () if isinstance(self.action, RestartContainer) else self.differences

    @property
    def hinders(self) -> bool:
        """Whether leaving it undone stands in the way of what requires the resource."""
        return any(d.field in ("exists", "mounted") for d in self.differences)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something true that no step is about: "unknown", "drift", "orphan" or "unmanaged"."""

    resource: Resource
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Settled:
    """A field that is what is desired, for the ledger."""

    key: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to do on one host, in order; `resources` counts everything desired.

    `unfinished` are the keys of what we began to make and have never seen whole.
    """

    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()
    settled: tuple[Settled, ...] = ()
    resources: int = 0
    unfinished: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    @property
    def empty(self) -> bool:
        """True when there is nothing to do and nothing in the way."""
        return not self.steps

    def count(self, effect: Effect) -> int:
        """How many steps have this effect."""
        return sum(step.effect is effect for step in self.steps)

    @property
    def corrective(self) -> int:
        """How many steps undo what somebody else did."""
        return sum(step.origin is Origin.CORRECTIVE for step in self.steps)

    @property
    def digest(self) -> str:
        """SHA-256 over every step as it would be carried out: equal plans, equal digests."""
        lines = "\n".join(repr((s.resource.key, s.action, s.reason)) for s in self.steps)
        return hashlib.sha256(lines.encode()).hexdigest()
