"""The command line of the simulated pct against what the real one accepts and refuses."""

from pathlib import Path
from typing import Any

import pytest
import tomli

from offctl_agent.simulated import pctarguments
from offctl_agent.simulated.result import CommandError

with (Path(__file__).parent / "verdicts.toml").open("rb") as file:
    CASES: list[dict[str, Any]] = tomli.load(file)["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case["argv"])[:70])
def test_verdict(case: dict[str, Any]) -> None:
    if "refused" not in case:
        assert pctarguments.parse(case["argv"]).command
        return
    with pytest.raises(CommandError) as caught:
        pctarguments.parse(case["argv"])
    assert caught.value.code
    for words in case["refused"]:
        assert words in caught.value.message
