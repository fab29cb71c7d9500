"""Signs of life from an event loop: they stop when the loop does.

Apart from `service`, because the root process must not import asyncio.
"""

import asyncio
from collections.abc import AsyncIterator
import contextlib
import math

from offctl.service import Manager


@contextlib.asynccontextmanager
async def beating(manager: Manager) -> AsyncIterator[None]:
    """Tell `manager` that this event loop turns, as often as it wants, while the context lasts."""
    beat = asyncio.ensure_future(_beat(manager))
    try:
        yield
    finally:
        beat.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beat


async def _beat(manager: Manager) -> None:
    while manager.interval < math.inf:
        manager.alive()
        await asyncio.sleep(manager.interval)
