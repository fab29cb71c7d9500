"""The contract of a Host, kept by real pools: everything that needs no container."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from host.contract.damage import DamageContract
from host.contract.datasets import DatasetContract
from host.contract.directories import DirectoryContract
from integration.inside import pools


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[pools.RealRig]:
    with pools.real(tmp_path) as made:
        yield made


class TestDatasets(DatasetContract):
    """Creation, properties, sources, mounting."""


class TestDirectories(DirectoryContract):
    """Without subordinate ids: they are not of datasets."""

    test_subids_are_added_and_never_taken = None  # type: ignore[assignment]


class TestDamage:
    """Pools that are gone, read-only or silent."""

    test_unreadable = DamageContract.test_unreadable_zfs_is_unknown_not_empty
    test_missing = DamageContract.test_a_missing_pool_is_not_a_pool
    test_read_only = DamageContract.test_a_read_only_pool_is_seen_and_not_offered
    test_failing = DamageContract.test_a_command_that_fails_is_reported_in_its_words
