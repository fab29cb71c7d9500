"""The LXC configuration that the stand-in for pct generates."""

from typing import Any

import pytest

from host import cases
from integration.pct import lxcconfig
from offctl_agent.host import pctconf
from offctl_agent.simulated.result import CommandError

CASES = cases.load(__file__, "lxcconfig.toml")


def _render(text: str) -> list[str]:
    rendered = lxcconfig.render(
        101,
        pctconf.read(text.encode()),
        bridges={"vmbr0"},
        processors=4,
        random=lambda count: bytes(range(1, count + 1)),
    )
    return rendered.splitlines()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_configuration(case: dict[str, Any]) -> None:
    if "refused" in case:
        with pytest.raises(CommandError, match=case["refused"]):
            _render(case["file"])
        return
    lines = _render(case["file"])
    assert [line for line in case.get("lines", []) if line not in lines] == []
    assert [a for a in case.get("absent", []) if any(line.startswith(a) for line in lines)] == []


@pytest.mark.parametrize(
    ("key", "value", "written"),
    [
        ("memory", "16", ("memory.max", "16777216")),
        ("swap", "", ("memory.swap.max", "0")),
        ("cpulimit", "", ("cpu.max", "max 100000")),
        ("cpulimit", "2", ("cpu.max", "200000 100000")),
        ("cpuunits", "0", ("cpu.weight", "1")),
        ("cpuunits", "", ("cpu.weight", "100")),
    ],
)
def test_limits(key: str, value: str, written: tuple[str, str]) -> None:
    assert lxcconfig.limit(key, value) == written
