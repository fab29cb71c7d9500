"""What hosts observed last: kept as bytes for operators who plan, and never looked into.

A report names the observation of its run; the bytes are asked for only when they are not kept.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from offctl import errors, observation
from offctl.report import Report
from offctl_coordinator.store.records import ObservationRecord, Store

InStore = Callable[..., Awaitable[Any]]


class Observations:
    """One for each host; the newest takes the place of the one before."""

    def __init__(self, store: Store, in_store: InStore) -> None:
        self._store = store
        self._in_store = in_store

    async def told(self, report: Report, content: bytes) -> bool:
        """A new report came, perhaps with what it names; True when that is wanted.

        Raises MalformedError for something else than it names.
        """
        if content:
            self._check(report, content)
            record = ObservationRecord(report.host, report.observation, report.time, content)
            await self._in_store(self._store.keep_observation, record)
            return False
        if not report.observation:
            return False
        known = (report.host, report.observation, report.time)
        return not await self._in_store(self._store.observed, *known)

    async def get(self, host: str) -> ObservationRecord:
        """Raises NotFoundError."""
        found: ObservationRecord | None = await self._in_store(self._store.observation, host)
        if found is None:
            raise errors.NotFoundError(
                f"cannot give what host {host[:80]!r} observed: it has not handed in anything"
            )
        return found

    @staticmethod
    def _check(report: Report, content: bytes) -> None:
        if len(content) > observation.MAX_OBSERVATION:
            raise errors.MalformedError(
                f"cannot accept the observation: {len(content)} bytes are more than "
                f"{observation.MAX_OBSERVATION}",
                code="TOO_LARGE",
            )
        if observation.digest(content) != report.observation:
            raise errors.MalformedError(
                "cannot accept the observation: it is not the one that its report names",
                code="OTHER_OBSERVATION",
            )
