import dataclasses
from pathlib import Path

import pytest

from offctl_cli.site import lint, load
from offctl_cli.site.lint import registry
from offctl_cli.site.lint.rule import Rule
from sitecases import CASES, Case, label

# Nothing an operator can write breaks it: tested on compiled states below.
BY_CONSTRUCTION = {"hidden-mount"}
SEVERITIES = {rule.code: rule.severity for rule in registry.RULES}


@pytest.mark.parametrize("case", CASES, ids=label)
def test_a_case_is_found_as_it_is_marked(case: Case, tmp_path: Path) -> None:
    compiled, found = case.found(tmp_path)
    assert found == case.expected(), "\n".join(str(each) for each in compiled.findings)
    for each in compiled.findings:
        assert each.severity is SEVERITIES[each.code]
        assert each.text
        assert each.text.isprintable()
        assert not each.text.endswith(".")
        assert each.hint != each.text


@pytest.mark.parametrize("case", CASES, ids=label)
def test_a_case_is_about_the_rule_it_lies_with(case: Case) -> None:
    codes = {word.partition("[")[2].removesuffix("]") for _, word in case.expected()}
    assert case.is_good is not bool(codes)
    assert case.is_good or case.code in codes


@pytest.mark.parametrize("rule", registry.RULES, ids=lambda rule: rule.code)
def test_every_rule_has_a_good_and_a_bad_case(rule: Rule) -> None:
    mine = [case.is_good for case in CASES if case.code == rule.code]
    assert True in mine
    assert False in mine or rule.code in BY_CONSTRUCTION


@pytest.mark.parametrize("code", sorted({case.code for case in CASES}))
def test_every_case_is_about_a_rule(code: str) -> None:
    assert code in {rule.code for rule in registry.RULES}


def test_a_compiled_parent_after_its_child_would_be_found(tmp_path: Path) -> None:
    [case] = [each for each in CASES if each.code == "hidden-mount"]
    site, _ = case.write(tmp_path)
    read = load.read_site(site)
    compiled = load.compile_site(site)
    web = next(each for each in compiled.states[0].containers if each.name == "web")
    upside_down = dataclasses.replace(web, mounts=web.mounts[::-1])
    state = dataclasses.replace(compiled.states[0], containers=(upside_down,))
    found = lint.run(read, dataclasses.replace(compiled, states=(state,)))
    assert [each.code for each in found] == ["hidden-mount"]
    assert found[0].text.endswith("is mounted before /mnt/off, which would hide it")
