"""kill -9 at a step of every kind, before it, in the middle of it and after it; then a run."""

from collections.abc import Iterator

import pytest

from integration.inside import dying, killing
from integration.inside.days import Host
from integration.inside.killing import BUILDING, CHANGING, MENDING


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with killing.mortal(tmp_path_factory.mktemp("host")) as made:
        yield made


def test_killed_while_a_host_is_built(host: Host) -> None:
    assert killing.kinds(killing.build(host, dying.kind)) >= BUILDING


def test_killed_while_a_host_is_changed(host: Host) -> None:
    assert killing.kinds(killing.change(host, dying.kind)) >= CHANGING


def test_killed_while_a_host_is_mended(host: Host) -> None:
    assert killing.kinds(killing.mend(host, dying.kind)) >= MENDING
