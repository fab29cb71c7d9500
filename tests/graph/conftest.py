"""A small site that tests add to, as a diagram."""

from collections.abc import Callable
from pathlib import Path

import pytest

from graph.drawings import drawn
from offctl_cli.graph.model import Graph
from smallsite import BASE


@pytest.fixture
def small(tmp_path: Path) -> Callable[[str], Graph]:
    def graph(text: str) -> Graph:
        (tmp_path / "site.toml").write_text(BASE + text)
        return drawn(tmp_path)

    return graph
