"""The one door for files of our own: written whole and durable, or not at all; read bounded.

Only programs use this module; the model, the trust core, the compiler and the planner never do.
"""

from collections.abc import Callable, Iterator
import contextlib
import errno
import fcntl
import os
from pathlib import Path
import re
import secrets
import stat
import time

from offctl import errors

PRIVATE = 0o600
READABLE = 0o644
LOCK_POLL = 0.02
_FULL = ("DISK_FULL", "make room on that disk; nothing of ours was torn")
_DISK = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: ("READ_ONLY", "look why it is read-only: `dmesg` often says"),
    errno.ELOOP: ("NOT_A_FILE", "a symbolic link lies there; look who put it there"),
    errno.EIO: ("DISK_ERROR", "look at `dmesg` and the disk's health"),
}
# Codes of what is there and is no file of ours, whoever reads it again.
NOT_OURS = ("NOT_A_FILE", "TOO_LARGE")
_LEFT_OVER = re.compile(r"\..+\.[0-9a-f]{16}\.new")


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
        _fill(temporary, content, mode, owner)
        os.rename(temporary, path)
        sync_directory(path.parent)
    except OSError as error:
        raise _failed("write", path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def create(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Write a file that must not exist yet: a key is never overwritten. Raises AdminError.

    The name appears with the whole content or not at all.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    try:
        _fill(temporary, content, mode)
        # link(2), unlike rename(2), never replaces what has the name already.
        os.link(temporary, path)
        sync_directory(path.parent)
    except FileExistsError:
        raise errors.AdminError(
            f"cannot create {path}: it exists",
            hint="choose another name, or move the old file away first",
        ) from None
    except OSError as error:
        raise _failed("create", path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def read(path: Path, *, limit: int) -> bytes | None:
    """The content of a regular file of at most `limit` bytes; None when there is no such file.

    The last component is not followed when it is a symbolic link, and a FIFO or device does not
    block or count as a file. Raises AdminError for whatever cannot be read; its code is one of
    NOT_OURS where reading again would not help.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed("read", path, error) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise errors.AdminError(f"cannot read {path}: not a regular file", code="NOT_A_FILE")
        content = _read_all(descriptor, limit + 1)
    except OSError as error:
        raise _failed("read", path, error) from error
    finally:
        close(descriptor)
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
        raise _failed("remove", path, error) from error


def append(path: Path, content: bytes) -> None:
    """Add to the end of a file of our own, durably; it is made when missing. Raises AdminError.

    A crash, or a disk that is full, can leave a part of `content`; the reader must bear that.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        new = not os.path.lexists(path)
        descriptor = os.open(path, flags, PRIVATE)
        try:
            _write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if new:
            sync_directory(path.parent)
    except OSError as error:
        raise _failed("write", path, error) from error


def move_aside(path: Path) -> Path:
    """Give a file of our own a new name beside the old one, durably. Raises AdminError."""
    aside = path.with_name(f"{path.name}.damaged-{secrets.token_hex(4)}")
    try:
        os.rename(path, aside)
        sync_directory(path.parent)
    except OSError as error:
        raise _failed("set aside", path, error) from error
    return aside


def sweep(directory: Path, *, older: float = 0) -> None:
    """Remove what a killed `write` or `create` left behind, if it is `older` seconds old.

    With 0 the caller makes sure that nobody else writes there now. What cannot be removed stays:
    it harms nobody.
    """
    before = time.time() - older
    with contextlib.suppress(OSError):
        for path in directory.iterdir():
            status = path.lstat()
            ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
            if _LEFT_OVER.fullmatch(path.name) and ours and status.st_mtime <= before:
                path.unlink()


def make_directory(path: Path, *, mode: int = 0o755) -> None:
    """Make a directory and its parents, durably; an existing one keeps its mode.

    Raises AdminError.
    """
    try:
        missing = [one for one in (path, *path.parents) if not one.exists()]
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        for made in missing:
            sync_directory(made.parent)
    except OSError as error:
        raise _failed("make directory", path, error) from error


@contextlib.contextmanager
def locked(path: Path, *, holder: str, waiting: Callable[[], bool] | None = None) -> Iterator[None]:
    """Hold an flock on `path`; the kernel frees it when the process dies, however it dies.

    A lock held elsewhere is an AdminError that names `holder`; with `waiting`, that is asked now
    and then whether to go on waiting.
    """
    descriptor = _opened_lock(path)
    try:
        while not _taken(descriptor):
            if waiting is None or not waiting():
                raise errors.AdminError(
                    f"cannot lock {path}: {holder} is running already", code="ALREADY_RUNNING"
                )
            time.sleep(LOCK_POLL)
        yield
    finally:
        close(descriptor)


def close(descriptor: int) -> None:
    """Close what nothing was written through: whatever the kernel says, it is closed then."""
    with contextlib.suppress(OSError):
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Make renames and removals in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(verb: str, path: Path, error: OSError) -> errors.AdminError:
    code, hint = _DISK.get(error.errno or 0, ("", ""))
    return errors.AdminError(f"cannot {verb} {path}: {error.strerror}", hint=hint, code=code)


def _opened_lock(path: Path) -> int:
    flags = os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | flags, PRIVATE)
    except OSError as error:
        # On a disk that became read-only the lock that is there still locks.
        if error.errno == errno.EROFS:
            with contextlib.suppress(OSError):
                return os.open(path, os.O_RDONLY | flags)
        raise _failed("lock", path, error) from error


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


def _fill(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """A new file with `content`, durable and read back."""
    with _created(path, mode, owner) as descriptor:
        _write_all(descriptor, content)
        os.fsync(descriptor)
        if os.pread(descriptor, len(content) + 1, 0) != content:
            raise errors.AdminError(f"cannot write {path}: it does not read back as written")


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
