"""Bad lines between a courier and its coordinator: what a network does, chosen by a test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib
import functools
import socket
import struct

Way = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CHUNK = 8192
# What is left of a packet where not more fits through.
NARROW_PACKET = 1280


class BrokenError(Exception):
    """The line is gone: both ends get a reset."""


async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything goes through."""
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()


def breaking(after: int) -> Way:
    """A way that breaks after so many bytes."""
    return functools.partial(_limited, after, _broken)


def silent(after: int) -> Way:
    """A way on which nothing arrives any more after so many bytes, and nobody is told."""
    return functools.partial(_limited, after, _for_ever)


def one_way(after: int) -> tuple[Way, Way]:
    """Forth and back: once so many bytes have gone forth, nothing comes back any more."""
    heard = 0

    async def forth(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        while chunk := await reader.read(CHUNK):
            heard += len(chunk)
            writer.write(chunk)
            await writer.drain()

    async def back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK):
            if heard < after:
                writer.write(chunk)
                await writer.drain()

    return forth, back


def narrow(rate: float) -> Way:
    """A way for so many bytes in a second, in small packets."""
    return functools.partial(_narrow, rate)


def dripping(pause: float, *, after: int) -> Way:
    """A way on which every byte takes `pause` seconds, after so many that go through at once."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _pass(reader, writer, after)
        while byte := await reader.read(1):
            writer.write(byte)
            await writer.drain()
            await asyncio.sleep(pause)

    return drip


@contextlib.asynccontextmanager
async def line(address: str, *, back: Way = whole, forth: Way = whole) -> AsyncIterator[str]:
    """An address that leads to `address`: `back` is the way of what the coordinator says."""
    host, _, port = address.rpartition(":")

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, out = await asyncio.open_connection(host, int(port))
        ways = [
            asyncio.ensure_future(forth(reader, out)),
            asyncio.ensure_future(back(inner, writer)),
        ]
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if any(isinstance(way.exception(), BrokenError) for way in done):
                _reset(writer)
                _reset(out)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            out.close()
            writer.close()

    carried: list[asyncio.Future[None]] = []
    server = await asyncio.start_server(
        lambda *streams: carried.append(asyncio.ensure_future(carry(*streams))), "127.0.0.1", 0
    )
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for task in carried:
        task.cancel()
    await asyncio.gather(*carried, return_exceptions=True)
    await asyncio.sleep(0)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int) -> None:
    while left and (chunk := await reader.read(min(left, CHUNK))):
        writer.write(chunk)
        await writer.drain()
        left -= len(chunk)


async def _limited(
    after: int,
    then: Callable[[], Awaitable[None]],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    await _pass(reader, writer, after)
    await then()


async def _broken() -> None:
    raise BrokenError


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _narrow(rate: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(NARROW_PACKET):
        writer.write(chunk)
        await writer.drain()
        await asyncio.sleep(len(chunk) / rate)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Hang up with a reset, as who lost its memory of the connection does."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
