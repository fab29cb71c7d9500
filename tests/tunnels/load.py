"""Requests at a steady rate, each on a connection of its own, until standard input ends.

    python load.py ADDRESS PORT RATE

Prints one JSON object: requests, `lost` connects (cut or refused, then tried again), and `failed`
requests (not answered in ATTEMPTS tries).
"""

import asyncio
import json
import sys

ATTEMPTS = 5
PAUSE = 0.05


class Load:
    def __init__(self, address: str, port: int) -> None:
        self.where = address, port
        self.requests = self.lost = self.failed = 0

    async def request(self) -> None:
        self.requests += 1
        for _ in range(ATTEMPTS):
            if await self._once():
                return
            self.lost += 1
            await asyncio.sleep(PAUSE)
        self.failed += 1

    async def _once(self) -> bool:
        try:
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection(*self.where)
                try:
                    writer.write(b"who\n")
                    return (await reader.readline()).endswith(b"who\n")
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False


async def main(address: str, port: int, rate: int) -> None:
    load, running = Load(address, port), set()
    loop = asyncio.get_running_loop()
    ended = loop.run_in_executor(None, sys.stdin.read)
    due = loop.time()
    while not ended.done():
        task = asyncio.ensure_future(load.request())
        running.add(task)
        task.add_done_callback(running.discard)
        due += 1 / rate
        await asyncio.sleep(max(0, due - loop.time()))
    await asyncio.gather(*running)
    told = {"requests": load.requests, "lost": load.lost, "failed": load.failed}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
