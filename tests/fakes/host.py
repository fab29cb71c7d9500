"""A host that is what a test says it is, fails where it says so, and remembers what it was asked.

    host = FakeHost(observed)
    host.fail["start"] = HostError("cannot start container 113: no such directory")
    host.after["create"] = lambda host: replace(host.observed, ...)

Keys of `fail` and `after` are action class names; `after` gives what is observed from then on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from offctl.desired.model import DesiredState
from offctl.observed import ObservedState
from offctl.planner.actions import Action
from offctl_agent.host.traces import Traces

After = Callable[["FakeHost", Action], ObservedState]


@dataclass
class FakeHost:
    """Satisfies offctl_agent.host.protocol.Host."""

    observed: ObservedState
    fail: dict[str, Exception] = field(default_factory=dict)
    after: dict[str, After] = field(default_factory=dict)
    done: list[Action] = field(default_factory=list)
    looks: int = 0

    def observe(self, desired: DesiredState) -> ObservedState:
        self.looks += 1
        return self.observed

    def probe(self, number: int, command: tuple[str, ...]) -> str:
        return ""

    def traces(self, after: datetime, *, tasks: bool, pools: tuple[str, ...]) -> Traces:
        return Traces()

    def execute(self, action: Action) -> None:
        name = type(action).__name__
        self.done.append(action)
        if name in self.after:
            self.observed = self.after[name](self, action)
        if name in self.fail:
            raise self.fail[name]
