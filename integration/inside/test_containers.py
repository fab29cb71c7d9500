"""The contract of a Host, kept by real containers on a real pool: everything but datasets alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from host.contract import damage, scene
from host.contract.damage import DamageContract
from host.contract.directories import DirectoryContract
from host.contract.looking import LookingContract
from host.contract.mounts import MountContract
from host.contract.options import OptionContract
from host.contract.running import RunContract
from integration.inside import forking, guests


@pytest.fixture(scope="module")
def pct(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with forking.served(tmp_path_factory.mktemp("pct")):
        yield


@pytest.fixture
def rig(tmp_path: Path, pct: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[guests.GuestRig]:
    del pct
    # The one recorded is not to be had here; this one is made of the guest's own busybox.
    for module in (scene, damage):
        monkeypatch.setattr(module, "TEMPLATE", guests.TEMPLATE)
    with guests.real(tmp_path) as made:
        yield made


class TestDamage(DamageContract):
    """Locks, quorum, commands that fail or hang; what is about pools alone is in test_contract."""

    test_unreadable_zfs_is_unknown_not_empty = None  # type: ignore[assignment]
    test_a_missing_pool_is_not_a_pool = None  # type: ignore[assignment]
    test_a_read_only_pool_is_seen_and_not_offered = None  # type: ignore[assignment]
    test_a_command_that_fails_is_reported_in_its_words = None  # type: ignore[assignment]


class TestSubids:
    """What root may map."""

    test_subids = DirectoryContract.test_subids_are_added_and_never_taken


class TestLooking(LookingContract):
    """What is seen, and that looking changes nothing."""


class TestMounts(MountContract):
    """What containers really show."""


class TestOptions(OptionContract):
    """Options and interfaces."""


class TestRunning(RunContract):
    """Id-maps, starts and what is looked at before."""
