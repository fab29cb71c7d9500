"""One real tunnel between two network namespaces, from nothing to every way in which it breaks."""

from collections.abc import Iterator
from pathlib import Path
import tempfile
import time

import pytest
from tunnels.pair import Pair, pair

from offctl.errors import HostError


@pytest.fixture
def two() -> Iterator[Pair]:
    # Not below pytest's directory, which nobody but root may pass: stunnel becomes another user.
    with tempfile.TemporaryDirectory(prefix="offctl-tunnels-") as directory:
        Path(directory).chmod(0o755)
        with pair(Path(directory)) as made:
            yield made


@pytest.fixture
def up(two: Pair) -> Pair:
    two.server.renew()
    two.client.renew()
    assert two.through() == "10.2.0.1:6380 hello"
    return two


def test_from_nothing_to_proven(up: Pair) -> None:
    client, server = up.client.look(), up.server.look()
    for seen in (client, server):
        assert (seen.obstacle, seen.refusal, seen.different, seen.leftover) == ("", "", (), ())
        assert seen.running
        assert seen.loaded
        assert seen.surplus == ()
    assert [(e.listening, e.proof) for e in client.ends] == [(True, "")]
    assert [(e.listening, e.proof) for e in server.ends] == [(True, None)]
