"""Cases that stand in data files beside the tests."""

from pathlib import Path
from typing import Any

import tomli


def load(test: str, name: str) -> list[dict[str, Any]]:
    """The `[[case]]` tables of a file beside `test`; `<5000 digits>` are as many nines."""
    text = (Path(test).parent / name).read_text(encoding="utf-8")
    cases: list[dict[str, Any]] = tomli.loads(text.replace("<5000 digits>", "9" * 5000))["case"]
    return cases
