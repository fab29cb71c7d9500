"""libzfs_core as far as it is used: datasets in a dictionary, programs known by their text."""

from collections.abc import Mapping
import errno
from typing import Any

from offctl_agent.proxmox import programs

Stored = tuple[int | bytes, bytes | None]


class ZFSError(Exception):
    """As the library's own: a number, words, a name."""

    def __init__(self, number: int, words: str, name: bytes, details: bytes = b"") -> None:
        super().__init__(number, words)
        self.errno = number
        self.message = words
        self.name = name
        self.details = details


class FakeLibrary:
    """`datasets` maps a name to its properties: value and setpoint, as the kernel gives them."""

    def __init__(self, *names: bytes) -> None:
        self.datasets: dict[bytes, dict[bytes, Stored]] = {name: {} for name in names}
        self.failing: Exception | None = None
        self.unsupported: set[object] = set()
        self.odd: bytes | None = None
        self.programs = 0

    def lzc_create(self, name: bytes, *, props: Mapping[bytes, int | bytes]) -> None:
        self._fail()
        if name in self.datasets:
            raise ZFSError(errno.EEXIST, "Dataset already exists", name)
        if name.rpartition(b"/")[0] not in self.datasets:
            raise ZFSError(errno.ENOENT, "Parent not found", name)
        self.datasets[name] = {key: (value, name) for key, value in props.items()}

    def lzc_exists(self, name: bytes) -> bool:
        self._fail()
        return name in self.datasets

    def lzc_channel_program_nosync(
        self, pool: bytes, program: bytes, *, instrlimit: int, memlimit: int, params: Any
    ) -> dict[bytes, Any]:
        self._fail()
        self.programs += 1
        assert all(params.values()), "a list without elements has no type"
        there = [name for name in params[b"names"] if name in self.datasets]
        assert all(name.split(b"/")[0] == pool for name in there)
        if program == programs.NAMES:
            keys = {key for name in there for key in self.datasets[name] if b":" in key}
            return dict.fromkeys(keys, True)
        assert program == programs.READ
        asked = params[b"keys"]
        return {n: self._values(n, asked) if self.odd is None else self.odd for n in there}

    def lzc_channel_program(
        self, pool: bytes, program: bytes, *, instrlimit: int, memlimit: int, params: Any
    ) -> dict[bytes, Any]:
        self._fail()
        self.programs += 1
        assert program == programs.MARK
        missing = {name: errno.ENOENT for name in params if name not in self.datasets}
        if not missing:
            for name, wanted in params.items():
                assert name.split(b"/")[0] == pool
                self.datasets[name] |= {key: (value, name) for key, value in wanted.items()}
        return missing

    def is_supported(self, function: object) -> bool:
        return function not in self.unsupported

    def _values(self, name: bytes, keys: list[bytes]) -> bytes:
        found = []
        for key in keys:
            if key in self.datasets[name]:
                value, source = self.datasets[name][key]
                if key == b"canmount" and isinstance(value, int):
                    value = (b"off", b"on", b"noauto")[value]
                kind = b"number" if isinstance(value, int) else b"string"
                text = str(value).encode() if isinstance(value, int) else value
                found += [kind, key, text, source or b""]
        return b"".join(b"%d:%s" % (len(word), word) for word in found)

    def _fail(self) -> None:
        if self.failing is not None:
            raise self.failing
