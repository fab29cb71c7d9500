"""The seam between deciding and doing: whatever can be observed and acted upon is a Host."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from offctl.desired.model import DesiredState
from offctl.observed import FoundStunnel, ObservedState, Unknown
from offctl.planner.actions import Action
from offctl_agent.host.storages import Storage
from offctl_agent.host.traces import Traces


class FloorStore(Protocol):
    """A second place for the floor, on the host's own storage; it outlives the state directory."""

    def read(self) -> tuple[str, ...]:
        """What each place holds; empty when none was ever written.

        Raises HostError when a place cannot be read: that is not the same as an empty one.
        """
        ...

    def keep(self, text: str, pools: tuple[str, ...]) -> None:
        """Write `text` to each of the managed `pools` that differs, durably. Raises HostError."""
        ...


class Nowhere:
    """The FloorStore of a host that offers none."""

    def read(self) -> tuple[str, ...]:
        return ()

    def keep(self, text: str, pools: tuple[str, ...]) -> None:
        del text, pools


class Host(Protocol):
    """A Proxmox host, or something that behaves like one.

    Implementations MUST report what they cannot read as Unknown, never as absent; MUST NOT change
    anything in `observe`; and MUST check an action's `before` against the host right before acting.
    """

    def observe(self, desired: DesiredState) -> ObservedState:
        """Read everything the planner needs for `desired`, and whatever else lives on the host.

        Never raises for a part that cannot be read: that part is Unknown.
        """
        ...

    def probe(self, number: int, command: tuple[str, ...]) -> str:
        """Run a command inside a running container, without a shell and with a deadline.

        Empty when it exits 0, else what it, or who should have run it, said, bounded (host.probes
        does that). MUST change nothing itself.
        """
        ...

    def traces(self, after: datetime, *, tasks: bool, pools: tuple[str, ...]) -> Traces:
        """What the host's own records tell of who did what since `after`; bounded in time and size.

        `tasks` asks for PVE's task log, `pools` for the history of those. Never raises for what
        cannot be read: that is named in `unread`.
        """
        ...

    def execute(self, action: Action) -> None:
        """Do one action to its end, or raise HostError and leave what it can as it was.

        Codes: CONFLICT (the host is no longer as `before` says), LOCKED, PREFLIGHT (a source is
        not what it should be), TIMEOUT, NO_QUORUM, FAILED. Never trusts an exit status alone.
        """
        ...


class Adoptable(Host, Protocol):
    """A host that can be taken over: it can be asked, too, for what no text speaks of yet."""

    def stunnels(self) -> tuple[FoundStunnel, ...] | Unknown:
        """Every stunnel that runs, with what its configuration says but no key."""
        ...

    def storages(self) -> Mapping[str, Storage] | Unknown:
        """PVE's storages by name."""
        ...
