"""What was seen of a host that is to be taken over."""

from collections.abc import Mapping
from dataclasses import dataclass

from offctl.observed import FoundStunnel, ObservedState, Unknown
from offctl_agent.host.storages import Storage


@dataclass(frozen=True, slots=True)
class Survey:
    """One look: the host as the planner sees it, PVE's storages, and every stunnel that runs.

    `only` are the ids of the containers that were asked for; empty for all of them.
    """

    host: str
    state: ObservedState
    storages: Mapping[str, Storage] | Unknown
    stunnels: tuple[FoundStunnel, ...] | Unknown
    only: frozenset[int] = frozenset()
