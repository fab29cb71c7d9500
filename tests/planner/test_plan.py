"""What a plan answers about itself, and how memory is kept."""

from dataclasses import replace

import pytest

from offctl.planner import planner
from offctl.planner.ledger import Entry, Ledger
from offctl.planner.plan import Effect, Origin
from planner import case as cases

CASE = {
    "name": "x",
    "desired": """
dataset = [{ name = "zfs-hdd/off", properties = { atime = "off", casesensitivity = "mixed" } }]
container = [{ id = 111, run = "stopped" }]
""",
    "datasets": [
        "zfs-hdd /zfs-hdd",
        "zfs-hdd/off - atime=on:local casesensitivity=sensitive:default",
    ],
    "containers": {"111": "unprivileged: 1\n"},
    "running": {"111": {}},
    "ledger": {"dataset zfs-hdd/off": {"atime": "off"}},
}


def test_counts() -> None:
    case = cases.Case("x", CASE)
    plan = planner.plan(case.desired, case.observed, case.ledger)
    assert [plan.count(effect) for effect in Effect] == [2, 0, 1, 1]
    assert (plan.corrective, plan.resources, plan.empty) == (1, 2, False)
    assert [step.hinders for step in plan] == [False, False, True, False]


def test_equal_plans_have_equal_digests_and_others_do_not() -> None:
    case = cases.Case("x", CASE)
    plan = planner.plan(case.desired, case.observed, case.ledger)
    assert plan.digest == planner.plan(case.desired, case.observed, case.ledger).digest
    assert replace(plan, steps=plan.steps[1:]).digest != plan.digest
    assert planner.plan(cases.desired(""), case.observed, case.ledger).empty


def test_more_mounts_than_pct_has_numbers_are_not_begun() -> None:
    mounts = "".join(
        f"{{ target = '/m{n}', source = '/zfs-hdd/off', dataset = 'zfs-hdd/off' }},"
        for n in range(257)
    )
    asked = cases.desired(f"container = [{{ id = 120, template = 't', mount = [{mounts}] }}]")
    (step,) = planner.plan(asked, cases.Case("x", {}).observed, Ledger())
    assert step.reason == "pct holds 256 mounts, the site names 257"


def test_who_set_a_value_is_remembered_until_it_is_forgotten() -> None:
    ledger = Ledger()
    ledger.settle("container 1", "cores", "2")
    assert not ledger.ours("container 1", "cores")
    ledger.claim("container 1", "cores", "4")
    ledger.settle("container 1", "cores", "4")
    assert ledger.ours("container 1", "cores")
    assert ledger.origin("container 1", "cores", "4") is Origin.CORRECTIVE
    assert ledger.origin("container 1", "cores", "5") is Origin.WANTED
    ledger.claim("dataset a", "atime", "off")
    assert ledger.keys("container") == ["container 1"]
    assert list(ledger) == [
        ("container 1", "cores", Entry("4", ours=True)),
        ("dataset a", "atime", Entry("off", ours=True)),
    ]
    ledger.claim("container 1", "tty", "1")
    ledger.forget("container 1", "cores")
    ledger.forget("container 1", "cores")
    assert ledger.keys("container") == ["container 1"]
    ledger.forget("container 1", "tty")
    ledger.forget("container 9", "tty")
    assert ledger.keys("container") == []


@pytest.mark.parametrize("key", ["dataset a", "container 1"])
def test_an_empty_memory_claims_nothing(key: str) -> None:
    assert Ledger().entry(key, "exists") is None
    assert not Ledger().ours(key, "exists")
    assert dict(Ledger().fields(key)) == {}
