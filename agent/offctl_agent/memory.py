"""The floor in both of its places: recalled before anything is judged, raised before it is kept."""

from collections.abc import Iterable
from dataclasses import dataclass

from offctl import errors
from offctl.trust.accept import Floor
from offctl_agent import floors
from offctl_agent.floors import Mark
from offctl_agent.host.protocol import FloorStore
from offctl_agent.state import State


@dataclass(frozen=True, slots=True)
class Recalled:
    """`lost` is empty, or says why nobody can tell how far this host had come."""

    mark: Mark
    lost: str = ""
    notes: tuple[str, ...] = ()


class Memory:
    """Two places that are written one after the other and believed together."""

    def __init__(self, state: State, store: FloorStore) -> None:
        self._state = state
        self._store = store

    def recall(self, site: str) -> Recalled:
        """The higher of what both places say about `site`; a pool may come from elsewhere.

        Reading one place is enough; losing both is `lost`.
        """
        own = self._state.mark()
        marks = [] if own is None else [own]
        notes: list[str] = []
        unreadable = ""
        try:
            for text in self._store.read():
                try:
                    marks.append(floors.parse(text))
                except errors.MalformedError as error:
                    notes.append(f"{error}; left out")
        except errors.HostError as error:
            unreadable = str(error)
            notes.append(f"the second copy of the floor is not known: {error}")
        marks = [mark for mark in marks if mark.site in ("", site)]
        lost = ""
        if not marks:
            lost = unreadable or "neither the state directory nor a pool remembers a release"
        return Recalled(floors.highest(marks), lost, tuple(notes))

    def raise_to(self, mark: Mark, pools: Iterable[str]) -> tuple[str, ...]:
        """Make `mark` durable in both places; returns notes about a second place that failed.

        Raises AdminError when the state directory cannot keep it: then nothing may follow.
        """
        if self._state.mark() != mark:
            self._state.keep_mark(mark)
        try:
            self._store.keep(mark.text, tuple(pools))
        except errors.HostError as error:
            return (f"the floor is kept in one place only: {error}",)
        return ()

    def confirm(self, site: str, serial: int, pools: Iterable[str]) -> tuple[str, ...]:
        """An operator says that nothing before release `serial` may be accepted any more."""
        return self.raise_to(Mark(site, Floor(serial)), pools)
