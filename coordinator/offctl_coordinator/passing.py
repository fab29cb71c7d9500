"""Two connections made one: what comes from either goes to the other, until one of them ends."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
import contextlib

CHUNK = 16 * 1024
# What was said last still goes out, to those who take it.
FAREWELL_SECONDS = 1.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def both_ways(
    outer: Streams, inner: Streams, admit: Callable[[int], Awaitable[None]], stalled: float
) -> None:
    """Pass on until either ends, or does not take anything for so many seconds.

    What comes from the outer one is passed on when `admit` comes back.
    """
    await _either(
        _pump(outer[0], inner[1], admit, stalled), _pump(inner[0], outer[1], _freely, stalled)
    )


async def _freely(_: int) -> None:
    """Answers go out as fast as they are taken."""


async def _pump(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    admit: Callable[[int], Awaitable[None]],
    stalled: float,
) -> None:
    # It ended, whatever the reason.
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK):
            await admit(len(chunk))
            writer.write(chunk)
            async with asyncio.timeout(stalled):
                await writer.drain()


async def _either(*ways: Coroutine[None, None, None]) -> None:
    """Both ways, until one of them ends."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def close(writers: list[asyncio.StreamWriter]) -> None:
    """Close them all, with what was written, to those who take it."""
    # Not a task for each: one that is cancelled before it began would close nothing.
    for writer in writers:
        writer.close()
    closed = (writer.wait_closed() for writer in writers)
    try:
        async with asyncio.timeout(FAREWELL_SECONDS):
            await asyncio.gather(*closed, return_exceptions=True)
    except TimeoutError:
        pass
    finally:
        for writer in writers:
            writer.transport.abort()
