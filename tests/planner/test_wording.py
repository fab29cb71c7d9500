"""A plan in words, and as values for programs."""

from offctl.planner import actions as act
from offctl.planner import wording
from offctl.planner.plan import Effect, Finding, Origin, Plan, Resource, Step
from offctl.report import Difference

DATASET = Resource("dataset tank/a", "dataset tank/a")
SET = Step(
    DATASET, "set properties", Effect.ONLINE, Origin.CORRECTIVE,
    act.SetProperties("tank/a", (("atime", "off"),)),
    differences=(Difference("atime", "on", "off"),),
)  # fmt: skip
STUCK = Step(DATASET, "create", Effect.BLOCKED, Origin.WANTED, reason="no\x1broom", audited=True)
NOTES = (Finding(DATASET, "unknown", "why"), Finding(DATASET, "orphan", "it stays"))


def test_a_step_says_what_why_and_how() -> None:
    assert list(wording.step_lines(SET)) == [
        "+ dataset tank/a: set properties  [online, drift: somebody changed it]",
        "    atime: on → off",
        "    $ zfs set atime=off tank/a",
    ]
    assert list(wording.step_lines(STUCK)) == [
        "! dataset tank/a: create  [blocked, wanted, audit]",
        "    cannot: no\\x1broom",
    ]
    assert wording.finding_line(NOTES[0]) == "? dataset tank/a: unknown: why"


def test_a_plan_is_summed_up() -> None:
    assert wording.summary(Plan(resources=3)) == "nothing to do: 3 resources are as desired"
    assert (
        wording.summary(Plan((SET, STUCK), NOTES))
        == "2 to do: 1 online, 1 blocked; 1 undo what somebody changed (1 unknown, 1 orphan)"
    )
    assert wording.summary(Plan((STUCK,))) == "1 to do: 1 blocked"


def test_for_programs_the_keys_are_stable() -> None:
    assert wording.step_json(SET) == {
        "resource": "dataset tank/a",
        "key": "dataset tank/a",
        "text": "set properties",
        "effect": "online",
        "origin": "corrective",
        "reason": "",
        "audited": False,
        "differences": [{"field": "atime", "observed": "on", "desired": "off"}],
        "commands": ["zfs set atime=off tank/a"],
    }
    assert wording.step_json(STUCK)["commands"] == []
    assert set(wording.finding_json(NOTES[1])) == {"resource", "state", "reason"}
