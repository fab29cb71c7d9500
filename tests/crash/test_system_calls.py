"""The write primitive and the edit of a container's file, killed at and refused by every one of
their system calls, one at a time.

Needs strace (on Debian: apt-get install strace). Without it these are skipped on a developer's
machine and fail in CI.
"""

from collections import Counter
from collections.abc import Iterator
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys

import pytest

from crash import writer
from offctl import files
from offctl_agent.proxmox.pve import Pve

OPERATIONS = ("write", "create", "append", "remove", "aside", "directory", "edit")
FAULTS = ("ENOSPC", "EIO", "EROFS", "EINTR")
# Only these can fail for want of a disk; reading back is one of them.
CALLS = (
    *("openat", "write", "fsync", "pread64", "fchmod", "rename", "link", "unlink", "mkdir"),
    "close",
)
PYTHON = (sys.executable, "-B", "-P", "-S")
_CALL = re.compile(r"^(?:\[pid +[0-9]+\] )?([a-z0-9_]+)\(")


@pytest.fixture(scope="module", autouse=True)
def _strace() -> None:
    found = shutil.which("strace")
    if not found and not os.environ.get("CI"):
        pytest.skip("strace is not here; on Debian: apt-get install strace")
    assert found, "strace is missing in CI: apt-get install strace"


def prepared(directory: Path) -> Path:
    for path in (directory / "file", directory / writer.CONTAINER):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(writer.OLD)
    return directory


def traced(operation: str, directory: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["strace", *options, *PYTHON, writer.__file__, operation, directory],
        # The same system calls each time.
        env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def points(operation: str, directory: Path) -> Iterator[tuple[str, int]]:
    """Every system call of the change: its name, and the how-manyth of that name it is."""
    log = directory.with_suffix(".trace")
    done = traced(operation, prepared(directory), "-o", str(log))
    assert done.returncode == 0, done.stderr
    counts: Counter[str] = Counter()
    inside = False
    for line in log.read_text().splitlines():
        match = _CALL.match(line)
        if match is None:
            continue
        counts[match[1]] += 1
        if "/mark/begin" in line:
            inside = True
        elif "/mark/end" in line:
            return
        elif inside and match[1] in CALLS:
            yield match[1], counts[match[1]]


def judge(operation: str, directory: Path, code: int) -> None:
    """Old or new, never torn; and what an error was told about was not done."""
    file, created = directory / "file", directory / "created"
    content = file.read_bytes() if file.exists() else None
    container = (directory / writer.CONTAINER).read_bytes()
    asides = [p.read_bytes() for p in directory.glob("file.damaged-*")]
    whole: dict[str, tuple[bool, ...]] = {
        "write": (content in (writer.OLD, writer.NEW),),
        "create": (content == writer.OLD,
                   not created.exists() or created.read_bytes() == writer.NEW),
        # Readers of an appended file bear a torn end, and nothing else.
        "append": (content is not None and (writer.OLD + writer.NEW).startswith(content),
                   content is not None and content.startswith(writer.OLD)),
        "remove": (content in (writer.OLD, None),),
        "aside": (content == writer.OLD or asides == [writer.OLD],),
        "directory": (content == writer.OLD,),
        "edit": (container in (writer.OLD, writer.NEW),),
    }  # fmt: skip
    assert all(whole[operation]), (operation, content and content[:8], asides)
    if code == 0:
        done = {
            "write": content == writer.NEW,
            "create": created.exists(),
            "append": content == writer.OLD + writer.NEW,
            "remove": content is None,
            "aside": asides == [writer.OLD],
            "directory": (directory / "made" / "inner").is_dir(),
            "edit": container == writer.NEW,
        }
        assert done[operation], "it said that it was done"


def left(directory: Path) -> list[Path]:
    """What a change that did not end has left behind."""
    return [*directory.glob(".*.new"), *(directory / writer.CONTAINER).parent.glob("*.tmp.*")]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_system_call(tmp_path: Path, operation: str) -> None:
    found = list(points(operation, tmp_path / "whole"))
    assert {"fsync", "close"} <= {name for name, _ in found}
    for name, number in found:
        for fault in ("SIGKILL", *FAULTS):
            what = f"signal={fault}" if fault == "SIGKILL" else f"error={fault}"
            directory = prepared(tmp_path / f"{name}-{number}-{fault}")
            inject = (
                *("-o", "/dev/null", "-e", f"trace={name}"),
                *("-e", f"inject={name}:{what}:when={number}"),
            )
            done = traced(operation, directory, *inject)
            where = (operation, name, number, fault, done.stderr[-500:])
            assert "Traceback" not in done.stderr, where
            assert done.returncode in ((-9, 137) if fault == "SIGKILL" else (0, 3)), where
            judge(operation, directory, done.returncode)
            if fault == "SIGKILL":
                files.sweep(directory)
                Pve(directory, "off2").edit(113, lambda now: now)
            elif name != "unlink":
                # The one fault that may leave something: its removal was refused itself.
                assert left(directory) == [], where
            if fault == "EINTR" and name in ("openat", "write", "pread64", "fchmod"):
                assert done.returncode == 0, where
            if fault == "EIO" and name == "fsync":
                assert done.returncode == 3, where
            assert left(directory) == [] or name == "unlink", where
