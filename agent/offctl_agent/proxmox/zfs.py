"""The door to ZFS in this process: libzfs_core. It creates, asks and marks; it starts no program.

Everything that is created goes through here: one call of the kernel with every property, so that
nothing is ever there with half of them. That costs no more than forking a bare `zfs create`, though
what was made is read back each time, and two thirds of forking one and a `zfs get` after it
(benchmarks/zfs.py; figures in integration/README.md). Reading and marking a few datasets goes
through here too: a channel program reads values with their sources in one step, and marks many in
one. What libzfs_core has no call for (native properties of datasets that exist), and reading a
whole pool, which one `zfs get` does without a line in the pool's history, is behind zfscommand.
"""

from collections.abc import Callable, Iterable, Mapping
import errno
import os
import re
from typing import Any, Protocol, TypeVar, cast

from offctl import errors
from offctl.desired import properties
from offctl.observed import Property
from offctl_agent.host import failures
from offctl_agent.proxmox import kernelvalues, loading, programs

_LIMIT = 100_000_000  # the most that the kernel lets a program have: instructions, bytes
_AT_ONCE = 200  # datasets in one program
_RECEIVED = "$recvd"
_NAME = re.compile(r"(?=.{1,255}\Z)[A-Za-z0-9_.: /-]+")
# Everything that is used here; `is_supported` knows, the presence of a name says nothing.
USED = (
    "lzc_create",
    "lzc_exists",
    "lzc_channel_program",
    "lzc_channel_program_nosync",
)


Result = TypeVar("Result")


class Library(Protocol):
    """What is used of libzfs_core; every name and text is bytes."""

    def lzc_create(self, name: bytes, *, props: Mapping[bytes, int | bytes]) -> None: ...

    def lzc_exists(self, name: bytes) -> bool: ...

    def lzc_channel_program(
        self, pool: bytes, program: bytes, *, instrlimit: int, memlimit: int, params: object
    ) -> dict[bytes, Any]: ...

    def lzc_channel_program_nosync(
        self, pool: bytes, program: bytes, *, instrlimit: int, memlimit: int, params: object
    ) -> dict[bytes, Any]: ...

    def is_supported(self, function: object) -> bool: ...


def load() -> Library:
    """The real library. Raises HostError with what to install."""
    return cast("Library", loading.libzfs_core())


class Zfs:
    """Datasets of this host; every method raises HostError."""

    def __init__(self, library: Callable[[], Library] = load) -> None:
        """The library is loaded when it is first needed: a host without pools needs none."""
        self._load = library
        self._loaded: Library | None = None

    def exists(self, name: str) -> bool:
        """Whether there is a dataset of this name; False too when its pool is not imported."""
        library = self._library()
        return self._done(f"look for {name}", lambda: library.lzc_exists(_dataset(name)))

    def create(self, name: str, wanted: tuple[tuple[str, str], ...], marker: str = "") -> None:
        """Create a file system with its properties, and mount it nowhere; never its parents.

        `marker` is a user property that is given the dataset's name, to know it by when it is
        renamed.
        """
        library, doing = self._library(), f"create dataset {name}"
        try:
            values = kernelvalues.values(wanted)
        except errors.MalformedError as error:
            raise failures.refusal(doing, failures.FAILED, str(error)) from None
        if marker:
            values[marker.encode()] = _bytes(name)
        self._done(doing, lambda: library.lzc_create(_dataset(name), props=values))

    def read(self, names: Iterable[str], keys: Iterable[str]) -> dict[str, dict[str, Property]]:
        """Values and sources of some datasets of one pool; what does not exist is left out.

        Each key must be a property this ZFS knows, or a user property; and none that is chosen at
        creation: of those a channel program gives the default, whatever was chosen.
        """
        found: dict[str, dict[str, Property]] = {}
        wanted, asked = tuple(names), [_bytes(key) for key in keys]
        assert properties.CREATION_ONLY.isdisjoint(map(_text, asked))
        if not asked:  # the library can give a list without elements no type
            return found
        for start in range(0, len(wanted), _AT_ONCE):
            some = [_dataset(name) for name in wanted[start : start + _AT_ONCE]]
            given = self._ask(wanted[0], programs.READ, {b"names": some, b"keys": asked})
            for raw, values in given.items():
                found[_text(raw)] = _properties(_text(raw), values)
        return found

    def user_names(self, names: Iterable[str]) -> frozenset[str]:
        """The names of every user property that datasets of one pool have or inherit."""
        found: set[str] = set()
        wanted = tuple(names)
        for start in range(0, len(wanted), _AT_ONCE):
            some = [_dataset(name) for name in wanted[start : start + _AT_ONCE]]
            found.update(map(_text, self._ask(wanted[0], programs.NAMES, {b"names": some})))
        return frozenset(found)

    def mark(self, wanted: Mapping[str, Mapping[str, str]]) -> None:
        """Set user properties of datasets of one pool in one transaction, or none of them."""
        if not wanted:
            return
        first = min(wanted)
        library, pool = self._library(), _pool(first)
        given = {
            _dataset(n): {_bytes(k): _bytes(v) for k, v in p.items()} for n, p in wanted.items()
        }
        result = self._done(
            f"mark datasets of {_text(pool)}",
            lambda: library.lzc_channel_program(
                pool, programs.MARK, instrlimit=_LIMIT, memlimit=_LIMIT, params=given
            ),
        )
        if result:
            name, code = min(result.items())
            cause = f"{_text(name)}: {os.strerror(int(code))}"
            raise failures.refusal(f"mark {len(wanted)} datasets", failures.FAILED, cause)

    def supported(self) -> dict[str, bool]:
        """Which of the functions used here this host's libzfs_core really has."""
        library = self._library()
        return {
            name: hasattr(library, name) and library.is_supported(getattr(library, name))
            for name in USED
        }

    def _ask(self, name: str, program: bytes, given: object) -> dict[bytes, Any]:
        """Run a program that changes nothing: it waits for no transaction."""
        library, pool = self._library(), _pool(name)
        result = self._done(
            f"read datasets of {_text(pool)}",
            lambda: library.lzc_channel_program_nosync(
                pool, program, instrlimit=_LIMIT, memlimit=_LIMIT, params=given
            ),
        )
        return result or {}

    def _library(self) -> Library:
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    def _done(self, doing: str, call: Callable[[], Result]) -> Result:
        """Whatever the library raises, as a HostError: an unknown error is no answer."""
        try:
            return call()
        except Exception as error:
            code, cause = _meaning(error)
            if not cause:
                raise
            evidence = _text(getattr(error, "details", b"") or b"")
            raise errors.HostError(
                f"cannot {doing}: {cause}", code=code, evidence=failures.bounded(evidence)
            ) from error


def _meaning(error: Exception) -> tuple[str, str]:
    """The code and the cause of one of libzfs_core's errors; no cause for an error of ours."""
    number = getattr(error, "errno", None)
    if isinstance(error, OSError) or not isinstance(number, int):
        return failures.FAILED, ""
    words = str(getattr(error, "message", "") or os.strerror(number))
    code = failures.CONFLICT if number == errno.EEXIST else failures.FAILED
    return code, f"{words[:1].lower()}{words[1:]} (error {number})"


def _properties(name: str, given: bytes) -> dict[str, Property]:
    """What the program READ says of one dataset."""
    try:
        told = [_text(word) for word in programs.words(given)]
        fours = zip(told[::4], told[1::4], told[2::4], told[3::4], strict=True)
        return {
            key: _property(name, key, str(int(value) % 2**64) if kind == "number" else value, where)
            for kind, key, value, where in fours
        }
    except ValueError:
        raise errors.HostError(
            f"cannot read {name}: a channel program answered in another form"
        ) from None


def _property(name: str, key: str, value: str, where: str) -> Property:
    """One value as `zfs get -p` writes it; the kernel's numbers come as if they had a sign."""
    if not where:
        return Property(value, "none")
    if where == _RECEIVED:
        return Property(value, "received")
    if where in ("default", "temporary") or (key in properties.ZERO_IS_DEFAULT and value == "0"):
        return Property(value, "temporary" if where == "temporary" else "default")
    return Property(value, "local" if where == name else "inherited")


def _pool(name: str) -> bytes:
    return _bytes(name.split("/", 1)[0])


def _dataset(name: str) -> bytes:
    """What C would read beyond or short of is no name."""
    if not _NAME.fullmatch(name):
        raise errors.HostError(f"cannot use {name[:80]!r}: it is no dataset's name")
    return name.encode()


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _text(content: bytes) -> str:
    return content.decode(errors="surrogateescape")
