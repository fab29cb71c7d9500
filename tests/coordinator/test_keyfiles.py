"""Who may read a secret key: its owner, and whoever systemd made a copy for; nobody else."""

import os
from pathlib import Path
import struct

import pytest

from offctl import errors
from offctl_coordinator import config as configs
from offctl_coordinator import keyfiles
from transport import processes
from transport.fleet import Fleet

OWNER, USER, GROUP, NAMED_GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
NOBODY = 0xFFFFFFFF
READ = 4
US = os.geteuid()

Entry = tuple[int, int, int]


def access(path: Path, *entries: Entry) -> None:
    """Set the access control list, as setfacl(1) would; the kernel sets the mode from it."""
    packed = b"".join(struct.pack("<HHI", *entry) for entry in sorted(entries))
    os.setxattr(path, "system.posix_acl_access", struct.pack("<I", 2) + packed)


def load(directory: Path) -> None:
    config = configs.load(directory / "coordinator.toml")
    keyfiles.load_timestamp_key(config, keyfiles.load_trust(config))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return processes.coordinator_directory(tmp_path / "coordinator", Fleet()).parent


def copied(*others: Entry, us: int = US) -> tuple[Entry, ...]:
    base = {OWNER: (OWNER, READ, NOBODY), GROUP: (GROUP, 0, NOBODY), OTHER: (OTHER, 0, NOBODY)}
    base |= {entry[0]: entry for entry in others if entry[0] in base}
    named = [entry for entry in others if entry[0] not in base]
    return (*base.values(), (USER, READ, us), (MASK, READ, NOBODY), *named)


def test_the_copy_that_systemd_made_for_us_is_taken(directory: Path) -> None:
    key = directory / "timestamp.key.pem"
    access(key, *copied())
    assert key.stat().st_mode & 0o777 == 0o440
    load(directory)


@pytest.mark.parametrize(
    "entries",
    [
        copied(us=US + 1),
        copied((USER, READ, US + 1)),
        copied((NAMED_GROUP, READ, os.getegid())),
        copied((GROUP, READ, NOBODY)),
        copied((OTHER, READ, NOBODY)),
    ],
)
def test_a_list_that_lets_in_anybody_else_is_refused(
    directory: Path, entries: tuple[Entry, ...]
) -> None:
    access(directory / "timestamp.key.pem", *entries)
    with pytest.raises(errors.AdminError, match="others may read it"):
        load(directory)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_mode_that_lets_in_anybody_else_is_refused(directory: Path, mode: int) -> None:
    (directory / "timestamp.key.pem").chmod(mode)
    with pytest.raises(errors.AdminError, match=f"its mode is {mode:04o}"):
        load(directory)
