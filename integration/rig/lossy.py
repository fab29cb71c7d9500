"""Disks that forget what was not flushed when the power goes: servers of QEMU's, a thread each.

QEMU alone keeps too much: what a guest wrote is in this machine's page cache, flushed or not. Here
every write since the last flush is remembered with what was there before. A cut takes all of them
back, then lets those that chance chose happen after all, some of them torn at a sector, as a drive
with a cache of its own may do.
"""

from collections.abc import Callable
import contextlib
from dataclasses import dataclass
import enum
import os
from pathlib import Path
import random
import socket
import struct
import threading
from typing import IO, cast

from integration.rig.hardware import Hardware
from integration.rig.process import run

SECTOR = 512
# The share of unflushed writes that reach the disk after all, drawn for each cut.
SHARES = (0.0, 0.1, 0.5, 0.9)
TORN = 0.2
GONE = 30.0

# The protocol's numbers: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
_OPTION, _REPLY = 0x49484156454F5054, 0x3E889045565A9
_GO, _ABORT, _ACK, _INFO, _UNSUPPORTED = 7, 2, 1, 3, 0x80000001
_ASKED, _ANSWERED = 0x25609513, 0x67446698
_FUA, _FIXED_NO_ZEROES = 1, 3
_CAN_FLUSH_AND_FUA = 0b1101
_EINVAL = 22


@dataclass(frozen=True, slots=True)
class Lossy(Hardware):
    """The same guest; a disk that is the socket of a `Disk` is reached there."""

    def argv(self, boot: Path, disks: tuple[Path, ...], home: Path) -> list[str]:
        argv = Hardware.argv(self, boot, disks, home)
        for disk in disks:
            if disk.is_socket():
                served = f"file.driver=nbd,file.server.type=unix,file.server.path={disk}"
                local = f"file={disk},format=qcow2,discard=unmap"
                argv = [word.replace(local, f"{served},format=raw") for word in argv]
        return argv


class Kind(enum.IntEnum):
    """What a guest asks of a disk."""

    READ = 0
    WRITE = 1
    DISCONNECT = 2
    FLUSH = 3


@dataclass(slots=True)
class _Write:
    """A write that was not flushed yet, and what it wrote over; `durable` when it asked to be."""

    offset: int
    before: bytes
    after: bytes
    durable: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """How many writes were not flushed when the power went, and how many of them were lost."""

    unflushed: int
    lost: int


class Disk:
    """One disk, served on the socket `path`; `content` is a file of its bytes."""

    def __init__(self, content: Path, path: Path) -> None:
        self.path = path
        self._file = os.open(content, os.O_RDWR)
        self._size = content.stat().st_size
        self._writes: list[_Write] = []
        self._idle, self._answering = threading.Event(), threading.Event()
        self._idle.set()
        self._answering.set()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(1)
        threading.Thread(target=self._serve, daemon=True).start()

    @classmethod
    def of_image(cls, image: Path, path: Path) -> "Disk":
        """One that begins as an image of QEMU's."""
        content = path.with_suffix(".raw")
        run("qemu-img", "convert", "-q", "-O", "raw", image, content)
        return cls(content, path)

    def hang(self) -> None:
        """Answer nothing any more, as a disk does that neither works nor fails."""
        self._answering.clear()

    def go_on(self) -> None:
        """Answer again, first what has been asked meanwhile."""
        self._answering.set()

    def cut(self, chance: random.Random) -> Lost:
        """After QEMU was killed: forget, as chance will have it."""
        self.go_on()
        if not self._idle.wait(GONE):
            raise AssertionError(f"QEMU still holds {self.path}")
        share = chance.choice(SHARES)
        writes, self._writes = self._writes, []
        for write in reversed(writes):
            os.pwrite(self._file, write.before, write.offset)
        lost = 0
        for write in writes:
            if write.durable or chance.random() < share:
                os.pwrite(self._file, _torn(write, chance), write.offset)
            else:
                lost += 1
        return Lost(sum(not write.durable for write in writes), lost)

    def close(self) -> None:
        """No more of it."""
        self.go_on()
        self._socket.close()
        if self._idle.wait(GONE):
            os.close(self._file)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._idle.clear()
                # A guest that loses its power hangs up in the middle of a word.
                with contextlib.suppress(OSError, EOFError, struct.error), connection:
                    stream = cast("IO[bytes]", connection.makefile("rb", buffering=1 << 20))
                    if _greeted(stream, connection.sendall, self._size):
                        self._answer(stream, connection.sendall)
                self._idle.set()

    def _answer(self, stream: IO[bytes], send: Callable[[bytes], object]) -> None:
        while True:
            magic, flags, kind, handle, offset, length = struct.unpack(
                ">IHHQQI", _exactly(stream, 28)
            )
            assert magic == _ASKED
            self._answering.wait()
            error, content = 0, b""
            match kind:
                case Kind.READ:
                    content = os.pread(self._file, length, offset)
                case Kind.WRITE:
                    self._write(offset, _exactly(stream, length), durable=bool(flags & _FUA))
                case Kind.DISCONNECT:
                    return
                case Kind.FLUSH:
                    self._writes.clear()
                case _:
                    error = _EINVAL
            send(struct.pack(">IIQ", _ANSWERED, error, handle) + content)

    def _write(self, offset: int, content: bytes, *, durable: bool) -> None:
        before = os.pread(self._file, len(content), offset)
        self._writes.append(_Write(offset, before, content, durable))
        os.pwrite(self._file, content, offset)


def _torn(write: _Write, chance: random.Random) -> bytes:
    """What of a write reaches the disk: all of it, or as many sectors as there was power for."""
    sectors = len(write.after) // SECTOR
    if write.durable or sectors < 2 or chance.random() > TORN:
        return write.after
    return write.after[: SECTOR * chance.randrange(1, sectors)]


def _greeted(stream: IO[bytes], send: Callable[[bytes], object], size: int) -> bool:
    """Agree with a client on the one disk there is; whether it wants it."""
    send(struct.pack(">8sQH", b"NBDMAGIC", _OPTION, _FIXED_NO_ZEROES))
    _exactly(stream, 4)
    while True:
        magic, option, length = struct.unpack(">QII", _exactly(stream, 16))
        assert magic == _OPTION
        _exactly(stream, length)
        if option == _GO:
            told = struct.pack(">HQH", 0, size, _CAN_FLUSH_AND_FUA)
            send(struct.pack(">QIII", _REPLY, option, _INFO, len(told)) + told)
            send(struct.pack(">QIII", _REPLY, option, _ACK, 0))
            return True
        if option == _ABORT:
            return False
        send(struct.pack(">QIII", _REPLY, option, _UNSUPPORTED, 0))


def _exactly(stream: IO[bytes], length: int) -> bytes:
    content = stream.read(length)
    if len(content) < length:
        raise EOFError
    return content
