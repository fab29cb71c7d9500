"""The planner, case by case: what is desired, what is there, what is remembered; and the plan."""

import pytest

from offctl.planner import planner
from planner import case as cases
from planner.case import Case


@pytest.mark.parametrize("case", cases.load(), ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    plan = planner.plan(case.desired, case.observed, case.ledger)

    assert cases.steps(plan) == case.table.get("steps", [])
    assert cases.findings(plan) == case.table.get("findings", [])
    if "differences" in case.table:
        assert cases.differences(plan) == case.table["differences"]
    if "settled" in case.table:
        assert sorted(cases.settled(plan)) == sorted(case.table["settled"])
    found = cases.requires(plan)
    for step, keys in case.table.get("requires", {}).items():
        assert found[step] == keys
    assert plan == planner.plan(case.desired, case.observed, case.ledger)


def test_there_are_cases() -> None:
    assert len(cases.load()) >= 60
