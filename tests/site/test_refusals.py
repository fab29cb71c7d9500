"""What an operator may get wrong is found, all of it, where it stands, with what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli

from offctl_cli.site import compiler, model
from offctl_cli.site.compiler import Compiled

Compile = Callable[[str], Compiled]

CASES: list[dict[str, Any]] = tomli.loads(
    (Path(__file__).parent / "data" / "refusals.toml").read_text()
)["case"]


def test_the_base_says_nothing(compiled: Compile, base: str) -> None:
    assert compiled(base).findings == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["said"][0][:70])
def test_refusal(compiled: Compile, base: str, case: dict[str, Any]) -> None:
    text = case.get("whole", base + case.get("text", ""))
    findings = compiled(text).findings
    assert sorted(f"{each.code}: {each.text}" for each in findings) == sorted(case["said"])
    if "hint" in case:
        assert any(case["hint"] in each.hint for each in findings)


def test_every_case_is_an_error_on_a_line_of_its_own_text(compiled: Compile, base: str) -> None:
    start = base.count("\n")
    for case in CASES:
        if "whole" not in case:
            for found in compiled(base + case["text"]).findings:
                assert found.severity.value == "error"
                assert found.line > start, found


def test_text_of_a_finding(read: Callable[[str], model.Site]) -> None:
    site = read("[site]\nname = 's'\n[hosts.h]\nmod = 'audit'\n")
    (found,) = site.findings
    assert str(found) == f"{site.whole.file}:4: error[unknown-key]: unknown key 'mod' in hosts.h"
    assert found.as_json() == {
        "severity": "error",
        "code": "unknown-key",
        "file": site.whole.file,
        "line": 4,
        "text": "unknown key 'mod' in hosts.h",
        "hint": "did you mean 'mode'?",
    }


def test_one_wrong_value_does_not_hide_the_rest(compiled: Compile, base: str) -> None:
    text = "[containers.x]\nuse = 'po'\nid = 113\ncores = 'four'\nmemory = 2048\n"
    result = compiled(base + text)
    assert [each.code for each in result.findings] == ["wrong-type"]
    (container,) = result.states[0].containers
    assert ("memory", "2048") in container.options


def test_equal_texts_compile_equal(base: str, read: Callable[[str], model.Site]) -> None:
    site = read(base)
    assert compiler.compile(site) == compiler.compile(site)
