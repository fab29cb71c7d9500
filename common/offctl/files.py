"""The one door for files of our own: written whole and durable, or not at all; read bounded.

Only programs use this module; the model, the trust core, the compiler and the planner never do.
"""

from collections.abc import Callable, Iterator
import contextlib
import fcntl
import os
from pathlib import Path
import secrets
import stat
import time

from offctl import errors

PRIVATE = 0o600
READABLE = 0o644
LOCK_POLL = 0.02


def write(
    path: Path, content: bytes, *, mode: int = READABLE, owner: tuple[int, int] | None = None
) -> None:
    """Replace `path` by `content`, atomically and durably, with exactly `mode` (and `owner`).

    The bytes go to a new file of that mode from its first system call, are fsynced and read back,
    take the name in one rename, and the directory is fsynced. On any failure the old file stays as
    it was and the new one is removed. Raises AdminError.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    try:
        with _created(temporary, mode, owner) as descriptor:
            _write_all(descriptor, content)
            os.fsync(descriptor)
            if os.pread(descriptor, len(content) + 1, 0) != content:
                raise errors.AdminError(f"cannot write {path}: it does not read back as written")
        os.rename(temporary, path)
        sync_directory(path.parent)
    except OSError as error:
        raise errors.AdminError(f"cannot write {path}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def create(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Write a file that must not exist yet: a key is never overwritten. Raises AdminError.

    The name appears with the whole content or not at all.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    try:
        with _created(temporary, mode) as descriptor:
            _write_all(descriptor, content)
            os.fsync(descriptor)
        # link(2), unlike rename(2), never replaces what has the name already.
        os.link(temporary, path)
        sync_directory(path.parent)
    except FileExistsError:
        raise errors.AdminError(
            f"cannot create {path}: it exists",
            hint="choose another name, or move the old file away first",
        ) from None
    except OSError as error:
        raise errors.AdminError(f"cannot create {path}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def read(path: Path, *, limit: int) -> bytes | None:
    """The content of a regular file of at most `limit` bytes; None when there is no such file.

    The last component is not followed when it is a symbolic link, and a FIFO or device does not
    block or count as a file. Raises AdminError for whatever cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise errors.AdminError(f"cannot read {path}: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise errors.AdminError(f"cannot read {path}: not a regular file")
        content = _read_all(descriptor, limit + 1)
    except OSError as error:
        raise errors.AdminError(f"cannot read {path}: {error.strerror}") from error
    finally:
        os.close(descriptor)
    if len(content) > limit:
        raise errors.AdminError(f"cannot read {path}: larger than {limit} bytes", code="TOO_LARGE")
    return content


def require(path: Path, *, limit: int) -> bytes:
    """As `read`, but a missing file is an AdminError too."""
    content = read(path, limit=limit)
    if content is None:
        raise errors.AdminError(f"cannot read {path}: no such file")
    return content


def remove(path: Path) -> None:
    """Remove a file of our own, durably; a missing one is fine. Raises AdminError."""
    try:
        path.unlink(missing_ok=True)
        sync_directory(path.parent)
    except OSError as error:
        raise errors.AdminError(f"cannot remove {path}: {error.strerror}") from error


def make_directory(path: Path, *, mode: int = 0o755) -> None:
    """Make a directory and its parents; an existing one keeps its mode. Raises AdminError."""
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise errors.AdminError(f"cannot make directory {path}: {error.strerror}") from error


@contextlib.contextmanager
def locked(path: Path, *, holder: str, waiting: Callable[[], bool] | None = None) -> Iterator[None]:
    """Hold an flock on `path`; the kernel frees it when the process dies, however it dies.

    A lock held elsewhere is an AdminError that names `holder`; with `waiting`, that is asked now
    and then whether to go on waiting.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)
    except OSError as error:
        raise errors.AdminError(f"cannot lock {path}: {error.strerror}") from error
    try:
        while not _taken(descriptor):
            if waiting is None or not waiting():
                raise errors.AdminError(
                    f"cannot lock {path}: {holder} is running already", code="ALREADY_RUNNING"
                )
            time.sleep(LOCK_POLL)
        yield
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Make renames and removals in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _created(path: Path, mode: int, owner: tuple[int, int] | None = None) -> Iterator[int]:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, PRIVATE)
    try:
        if owner is not None:
            os.fchown(descriptor, *owner)
        if mode != PRIVATE:
            os.fchmod(descriptor, mode)
        yield descriptor
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _read_all(descriptor: int, limit: int) -> bytes:
    parts = []
    while limit > 0 and (part := os.read(descriptor, min(limit, 1 << 20))):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)
