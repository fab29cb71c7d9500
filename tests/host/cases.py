"""Cases that stand in data files beside the tests."""

from pathlib import Path
from typing import Any

import tomli


def load(test: str, name: str) -> list[dict[str, Any]]:
    """The `[[case]]` tables of a file beside `test`."""
    with (Path(test).parent / name).open("rb") as file:
        cases: list[dict[str, Any]] = tomli.load(file)["case"]
    return cases
