"""The end of what a program says, however much that is.

A pipe that is never waited on: a grandchild that holds the other side open holds nobody.
"""

from collections import deque
import os

_CHUNK = 1 << 16
# What may still be in the pipe when the program has ended.
_REST = 1 << 20


class Tail:
    """`write` is for the program, `read` becomes readable when there is something to `drain`."""

    def __init__(self, kept: int) -> None:
        self.read, self.write = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.read, False)
        self._kept = kept
        self._size = 0
        self._chunks: deque[bytes] = deque()

    def drain(self) -> bool:
        """Take what is there; False when that was nothing."""
        try:
            chunk = os.read(self.read, _CHUNK)
        except BlockingIOError:
            return False
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size - len(self._chunks[0]) >= self._kept:
            self._size -= len(self._chunks.popleft())
        return bool(chunk)

    def said(self) -> bytes:
        """The last bytes; when some are gone, from the middle of a line on."""
        for _ in range(_REST // _CHUNK):
            if not self.drain():
                break
        return b"".join(self._chunks)

    def close(self) -> None:
        """Our side; the other one belongs to whoever made it."""
        os.close(self.read)
