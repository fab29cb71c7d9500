"""Opening directories without following anything, while somebody exchanges them for links.

OFFCTL_RACE gives the number of attempts against the attacker; the house's own runs make a few.
"""

import collections
from collections.abc import Callable, Iterator
import contextlib
import errno
import os
from pathlib import Path
import signal
import subprocess
import sys

import pytest

from offctl_agent.host import beneath

ATTEMPTS = int(os.environ.get("OFFCTL_RACE", "20000"))
Opening = Callable[[int, str], "contextlib.AbstractContextManager[int]"]


@contextlib.contextmanager
def stepping(top: int, path: str) -> Iterator[int]:
    """What is used on a kernel without openat2."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    handle = beneath.step_by_step(top, path or ".", flags, one_mount=True)
    try:
        yield handle
    finally:
        os.close(handle)


@pytest.fixture(params=[beneath.inside, stepping], ids=["openat2", "stepping"])
def inside(request: pytest.FixtureRequest) -> Opening:
    opening: Opening = request.param
    return opening


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """`top` with directories, a file, a pipe, links; `victim` beside it."""
    (tmp_path / "top/a/b").mkdir(parents=True)
    (tmp_path / "victim/a").mkdir(parents=True)
    (tmp_path / "top/file").write_text("x")
    os.mkfifo(tmp_path / "top/pipe")
    for name, target in {
        "out": "../victim",
        "root": "/",
        "self": ".",
        "loop": "loop",
        "dangling": "nothing",
        "magic": "/proc/self/root",
    }.items():
        (tmp_path / "top" / name).symlink_to(target)
    return tmp_path


@pytest.mark.parametrize("path", ["", "a", "a/b"])
def test_directories_open(tree: Path, inside: Opening, path: str) -> None:
    with beneath.held(str(tree / "top")) as top, inside(top, path) as handle:
        assert os.fstat(handle).st_ino == (tree / "top" / path).stat().st_ino


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("nothing", errno.ENOENT),
        ("a/nothing/b", errno.ENOENT),
        ("file", errno.ENOTDIR),
        ("file/x", errno.ENOTDIR),
        ("pipe", errno.ENOTDIR),
        ("out", errno.ELOOP),
        ("out/a", errno.ELOOP),
        ("root/etc", errno.ELOOP),
        ("self/a", errno.ELOOP),
        ("loop", errno.ELOOP),
        ("dangling", errno.ELOOP),
        ("magic/etc", errno.ELOOP),
        ("..", errno.EXDEV),
        ("../victim", errno.EXDEV),
        ("a/../../victim", errno.EXDEV),
    ],
)
def test_nothing_else_opens(tree: Path, inside: Opening, path: str, code: int) -> None:
    with (
        beneath.held(str(tree / "top")) as top,
        pytest.raises(OSError) as caught,
        inside(top, path),
    ):
        pass
    assert caught.value.errno == code


def test_another_mount_is_not_entered(inside: Opening) -> None:
    with beneath.held("/") as top, pytest.raises(OSError) as caught, inside(top, "proc/self"):
        pass
    assert caught.value.errno == errno.EXDEV


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("top/out", errno.ELOOP),
        ("top/out/a", errno.ELOOP),
        ("top/file", errno.ENOTDIR),
        ("top/pipe", errno.ENOTDIR),
        ("top/nothing", errno.ENOENT),
    ],
)
def test_absolute_paths_follow_nothing_either(tree: Path, path: str, code: int) -> None:
    with pytest.raises(OSError) as caught, beneath.held(str(tree / path)):
        pass
    assert caught.value.errno == code


def test_the_kernels_way_is_used_here() -> None:
    assert beneath.supported()


def test_no_handle_is_left(tree: Path, inside: Opening) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with beneath.held(str(tree / "top")) as top:
        for path in ("a/b", "out", "nothing", "a/../..", "file"):
            with contextlib.suppress(OSError), inside(top, path):
                pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_mount_of_a_directory_is_known() -> None:
    with beneath.held("/proc") as proc, beneath.held("/") as root:
        assert beneath.mount_id(proc) != beneath.mount_id(root)


@contextlib.contextmanager
def attacked(directory: Path, one: str, other: str) -> Iterator[None]:
    script = Path(__file__).with_name("exchanging.py")
    argv = [sys.executable, str(script), str(directory), one, other]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as attacker:
        try:
            assert attacker.stdout is not None
            assert attacker.stdout.readline() == b"ready\n"
            yield
            assert attacker.poll() is None
        finally:
            attacker.send_signal(signal.SIGKILL)


def touched(victim: Path) -> tuple[int, list[str]]:
    return victim.stat().st_ctime_ns, sorted(os.listdir(victim))


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """`top/conf` is a directory, `top/evil` a link to `victim`; they will be exchanged."""
    (tmp_path / "top/conf").mkdir(parents=True)
    (tmp_path / "victim").mkdir(mode=0o700)
    (tmp_path / "top/evil").symlink_to(tmp_path / "victim")
    return tmp_path


def test_the_attack_works_against_paths(trap: Path) -> None:
    """Or else the next test proves nothing."""
    victim, before = trap / "victim", touched(trap / "victim")
    with attacked(trap / "top", "conf", "evil"):
        for attempt in range(200_000):
            if not (trap / "top/conf").is_symlink():
                (trap / "top/conf").chmod(0o700 | attempt & 0o77)
            if touched(victim) != before:
                return
    pytest.fail("nobody escaped")


def test_and_never_against_what_was_opened(trap: Path, inside: Opening) -> None:
    victim, before = trap / "victim", touched(trap / "victim")
    done, refused = 0, collections.Counter[int | None]()
    with attacked(trap / "top", "conf", "evil"), beneath.held(str(trap / "top")) as top:
        for attempt in range(ATTEMPTS):
            try:
                with inside(top, "conf") as handle:
                    os.fchmod(handle, 0o700 | attempt & 0o77)
                    os.mkdir("made", dir_fd=handle)  # noqa: PTH102
                    os.rmdir("made", dir_fd=handle)  # noqa: PTH106
                    done += 1
            except OSError as error:
                refused[error.errno] += 1
    assert touched(victim) == before
    assert done > 0
    assert refused[errno.ELOOP] > 0
    assert set(refused) <= {errno.ELOOP, errno.ENOTDIR, errno.EAGAIN, errno.ENOENT}
