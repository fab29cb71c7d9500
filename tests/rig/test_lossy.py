"""A disk that forgets what was not flushed: asked over its socket, as QEMU asks."""

from collections.abc import Iterator
import contextlib
from pathlib import Path
import random
import socket
import struct

import pytest

from integration.rig import lossy
from integration.rig.lossy import Disk, Kind, Lost

SIZE, FUA = 1 << 20, 1


class Guest:
    """Whoever uses a disk; its power goes with `close`."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20)
        self._socket.connect(str(path))
        self._stream = self._socket.makefile("rb")
        assert self._stream.read(16) == b"NBDMAGICIHAVEOPT"
        self._stream.read(2)
        # A name for the export, which there is only one of: option 7 is GO.
        self._socket.sendall(struct.pack(">I8sIIIH", 3, b"IHAVEOPT", 7, 6, 0, 0))
        self.size = struct.unpack(">QIIIHQH", self._stream.read(32))[5]
        assert self._stream.read(20)[12:16] == struct.pack(">I", 1)

    def ask(
        self, kind: int, offset: int = 0, length: int = 0, content: bytes = b"", flags: int = 0
    ) -> bytes:
        size = length or len(content)
        self._socket.sendall(struct.pack(">IHHQQI", 0x25609513, flags, kind, 1, offset, size))
        self._socket.sendall(content)
        magic, error, handle = struct.unpack(">IIQ", self._stream.read(16))
        assert (magic, handle) == (0x67446698, 1)
        if error:
            raise OSError(error, "refused")
        return self._stream.read(length)

    def write(self, offset: int, content: bytes, *, durable: bool = False) -> None:
        self.ask(Kind.WRITE, offset, content=content, flags=FUA if durable else 0)

    def read(self, offset: int, length: int) -> bytes:
        return self.ask(Kind.READ, offset, length)

    def flush(self) -> None:
        self.ask(Kind.FLUSH)

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    content = tmp_path / "content"
    content.write_bytes(bytes(SIZE))
    with contextlib.closing(Disk(content, tmp_path / "disk.sock")) as made:
        yield made


def shares(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    monkeypatch.setattr(lossy, "SHARES", (share,))


def test_what_was_flushed_is_there_and_nothing_else(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares(monkeypatch, 0.0)
    guest = Guest(disk.path)
    assert guest.size == SIZE
    guest.write(0, b"a" * 4096)
    guest.flush()
    guest.write(0, b"b" * 8192)
    guest.write(4096, b"c" * 4096, durable=True)
    guest.write(65536, b"d" * 512)
    assert guest.read(0, 8192) == b"b" * 4096 + b"c" * 4096
    guest.close()
    assert disk.cut(random.Random(1)) == Lost(unflushed=2, lost=2)
    guest = Guest(disk.path)
    assert guest.read(0, 8192) == b"a" * 4096 + b"c" * 4096
    assert guest.read(65536, 512) == bytes(512)
    guest.close()
    # Nothing is lost twice.
    assert disk.cut(random.Random(1)) == Lost(0, 0)


def test_what_was_not_flushed_may_be_there_in_part(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares(monkeypatch, 0.5)
    guest = Guest(disk.path)
    for number in range(200):
        guest.write(number * 4096, b"x" * 4096)
    guest.close()
    lost = disk.cut(random.Random(1))
    assert lost.unflushed == 200
    assert 50 < lost.lost < 150
    guest = Guest(disk.path)
    found = [guest.read(number * 4096, 4096) for number in range(200)]
    guest.close()
    assert found.count(bytes(4096)) == lost.lost
    torn = [block for block in found if len(set(block)) == 2]
    assert torn
    # At a sector, and from its beginning.
    assert all(block.rstrip(b"\0").count(b"x") % lossy.SECTOR == 0 for block in torn)


def test_it_hangs_and_goes_on(disk: Disk) -> None:
    guest = Guest(disk.path)
    disk.hang()
    guest._socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        guest.flush()
    guest.close()
    disk.go_on()
    guest = Guest(disk.path)
    guest.write(0, b"e" * 512)
    assert guest.read(0, 512) == b"e" * 512
    guest.close()


def test_what_it_does_not_know_is_refused(disk: Disk) -> None:
    guest = Guest(disk.path)
    with pytest.raises(OSError, match="refused"):
        guest.ask(9)
    guest.close()
