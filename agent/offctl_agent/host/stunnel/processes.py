"""The stunnel processes of a machine, in all its containers, and what they listen to.

Read from the host's /proc, by root. A process's name and arguments are its own word; its sockets
and its network namespace are the kernel's.
"""

from collections.abc import Callable, Iterator
import contextlib
from dataclasses import dataclass
import os
from pathlib import Path

from offctl.errors import HostError, MalformedError
from offctl_agent.host.stunnel import sockets
from offctl_agent.host.stunnel.sockets import Address, Socket

PROC = Path("/proc")
NAMES = frozenset({"stunnel", "stunnel4", "stunnel5"})
_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Process:
    """One stunnel: the configuration it was started with, and where it really listens.

    `network` is the inode of its network namespace; `started` and `inodes` (of what listens) tell
    it from any other that looks the same, also from itself before it was told to read its files.
    """

    pid: int
    configuration: str
    network: int
    listening: tuple[str, ...]
    started: int = 0
    inodes: tuple[int, ...] = ()


def stunnels(proc: Path = PROC) -> tuple[Process, ...]:
    """Every stunnel there is, oldest process first. Raises HostError when that cannot be known."""
    return tuple(_stunnels(proc, lambda _network, _configuration: True))


def find(network: int, configuration: str, proc: Path = PROC) -> Process | None:
    """The stunnel of one namespace that was started with one configuration. Raises HostError."""
    # The kernel takes its time to list sockets: only those of the one that is looked for.
    return next(_stunnels(proc, lambda *found: found == (network, configuration)), None)


def network_of(pid: int, proc: Path = PROC) -> int:
    """The inode of a process's network namespace. Raises HostError."""
    try:
        return (proc / str(pid) / "ns" / "net").stat().st_ino
    except OSError as error:
        raise _unreadable(pid, error) from error


def table(pid: int, proc: Path = PROC) -> tuple[Socket, ...]:
    """Every TCP socket of the network namespace of a process. Raises HostError."""
    try:
        return _table(proc / str(pid))
    except OSError as error:
        raise _unreadable(pid, error) from error


def own_addresses(pid: int, proc: Path = PROC) -> tuple[Address, ...]:
    """The addresses of the network namespace of a process. Raises HostError."""
    net = proc / str(pid) / "net"
    try:
        return sockets.own_addresses(_text(net / "fib_trie"), _optional(net / "if_inet6"))
    except OSError as error:
        raise _unreadable(pid, error) from error
    except ValueError:
        raise HostError(f"cannot read the addresses of process {pid}") from None


def _pids(proc: Path) -> list[int]:
    try:
        return sorted(int(name) for name in os.listdir(proc) if name.isdecimal())
    except OSError as error:
        raise HostError(f"cannot read {proc}: {error.strerror}") from error


def _stunnels(proc: Path, wanted: Callable[[int, str], bool]) -> Iterator[Process]:
    for pid in _pids(proc):
        # What ends while it is looked at is not there; what must not be read is an error.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if _text(proc / str(pid) / "comm").strip() in NAMES:
                network, configuration = _identity(proc / str(pid))
                if wanted(network, configuration):
                    yield _process(proc / str(pid), network, configuration)


def _identity(directory: Path) -> tuple[int, str]:
    """The network namespace of a process, and the last of its arguments."""
    try:
        network = (directory / "ns" / "net").stat().st_ino
        arguments = _text(directory / "cmdline").rstrip("\0").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        raise
    except OSError as error:
        raise _unreadable(int(directory.name), error) from error
    return network, arguments[-1] if len(arguments) > 1 else ""


def _process(directory: Path, network: int, configuration: str) -> Process:
    try:
        inodes = set(_inodes(directory))
        listening = [
            socket
            for socket in _table(directory)
            if socket.state == sockets.LISTENING and socket.inode in inodes
        ]
        started = _started(directory)
    except (FileNotFoundError, ProcessLookupError):
        raise
    except OSError as error:
        raise _unreadable(int(directory.name), error) from error
    except MalformedError as error:
        raise HostError(str(error)) from error
    return Process(
        int(directory.name),
        configuration,
        network,
        tuple(sorted(socket.text for socket in listening)),
        started,
        tuple(sorted(socket.inode for socket in listening)),
    )


def _started(directory: Path) -> int:
    """When it was started, in the kernel's ticks; its name may hold any character."""
    try:
        return int(_text(directory / "stat").rpartition(")")[2].split()[19])
    except (IndexError, ValueError):
        raise MalformedError(f"cannot read when process {directory.name} was started") from None


def _table(directory: Path) -> tuple[Socket, ...]:
    net = directory / "net"
    return sockets.parse(_text(net / "tcp")) + sockets.parse(_optional(net / "tcp6"))


def _inodes(directory: Path) -> Iterator[int]:
    for name in os.listdir(directory / "fd"):
        with contextlib.suppress(FileNotFoundError):
            target = str((directory / "fd" / name).readlink())
            if target.startswith("socket:["):
                yield int(target[len("socket:[") : -1])


def _optional(path: Path) -> str:
    """A table that a kernel without IPv6 does not have."""
    try:
        return _text(path)
    except FileNotFoundError:
        return ""


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_LIMIT).decode(errors="replace")


def _unreadable(pid: int, error: OSError) -> HostError:
    return HostError(f"cannot read what process {pid} has open: {error.strerror}")
