"""Telling everybody who watches which release is current, at once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Announcement:
    """The current release, by its manifest's hash (hexadecimal), and the wave that has its turn."""

    serial: int
    sha256: str
    wave: int = 0


class News:
    """The newest announcement; a listener that falls behind misses the ones in between."""

    def __init__(self) -> None:
        self._newest: Announcement | None = None
        self._changed = asyncio.Event()
        self._closed = False

    def tell(self, announcement: Announcement | None) -> None:
        """Replace the newest announcement and wake every listener."""
        self._newest = announcement
        self._wake()

    def close(self) -> None:
        """End every listener's iteration, now and later."""
        self._closed = True
        self._wake()

    async def listen(self) -> AsyncIterator[Announcement]:
        """The newest announcement, as soon as there is one, and again whenever it changes."""
        told = None
        while not self._closed:
            changed = self._changed
            if self._newest is not None and self._newest != told:
                told = self._newest
                yield told
            else:
                await changed.wait()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
