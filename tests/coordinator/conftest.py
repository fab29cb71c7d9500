"""A PostgreSQL for the tests that need one, started once."""

from collections.abc import Iterator

import pytest

from transport import cluster as clusters
from transport.cluster import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with clusters.running() as running:
        yield running
