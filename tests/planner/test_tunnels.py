"""What a look at stunnel leads to: one instance and its ends, in every state it can be seen in."""

from dataclasses import replace

import pytest

from offctl.desired.model import DesiredState, Mode, RunState, TunnelEnd
from offctl.observed import (
    Configuration,
    Effective,
    ObservedContainer,
    ObservedInstance,
    ObservedState,
    ObservedTunnel,
    Stray,
    Unknown,
)
from offctl.planner import tunnels
from offctl.planner.draft import Draft
from offctl.planner.ledger import Ledger
from offctl.planner.plan import Effect, Plan, Step
from planner import case

END = TunnelEnd(
    name="redis", role="server", section="Redis", container=0, instance="off",
    accept="10.0.0.2:6379", connect="10.1.0.122:6379", identity="redis.1", generation=1,
    peer_host="ovh1",
)  # fmt: skip
RIGHT = ObservedInstance(
    0, "off", directory=True, running=True, loaded=True,
    ends=(ObservedTunnel("redis", "server", 1, True, proof=""),),
)  # fmt: skip


def state(*, ends: tuple[TunnelEnd, ...] = (END,), run: RunState | None = None) -> DesiredState:
    """With `run` there is a container 103 that is to be in that state."""
    found = DesiredState("test", "off2", Mode.ENFORCE, tunnels=ends)
    if run is None:
        return found
    made = case.desired("[[container]]\nid = 103\n").containers[0]
    return replace(found, containers=(replace(made, run=run),))


def observed(
    *instances: ObservedInstance,
    containers: tuple[ObservedContainer, ...] | Unknown = (),
    strays: tuple[Stray, ...] | Unknown = (),
) -> ObservedState:
    return ObservedState((), (), containers, (), (), (), "", tunnels=instances, strays=strays)


def planned(desired: DesiredState, seen: ObservedState) -> Plan:
    draft = Draft(Ledger())
    tunnels.plan_directories(seen, draft)
    tunnels.plan(desired, seen, draft)
    return draft.plan()


def only(plan: Plan) -> Step:
    [step] = plan.steps
    return step


def test_what_is_right_is_settled_and_nothing_more() -> None:
    plan = planned(state(), observed(RIGHT))
    assert plan.steps == ()
    fields = {settled.field for settled in plan.settled}
    assert {"files", "in force", "off exists"} <= fields


@pytest.mark.parametrize(
    ("changes", "text", "effect"),
    [
        ({"different": ("off.conf",)}, "write and reload", Effect.RELOAD),
        ({"loaded": False}, "reload", Effect.RELOAD),
        ({"loaded": False, "surplus": ("0.0.0.0:9",)}, "reload", Effect.RELOAD),
        ({"running": False, "different": ("off.conf",)}, "write and start", Effect.ONLINE),
        ({"running": False}, "start", Effect.ONLINE),
        ({"leftover": ("psk/old",)}, "put in order", Effect.RELOAD),
        ({"missing": ("its link",)}, "put in order", Effect.RELOAD),
        (
            {"uncut": ("redis",)},
            "write and restart: every connection through it is cut",
            Effect.RELOAD,
        ),
    ],
)
def test_what_is_wrong_is_renewed(changes: dict[str, object], text: str, effect: Effect) -> None:
    there = replace(RIGHT, **changes)  # type: ignore[arg-type]
    step = only(planned(state(), observed(there)))
    assert (step.text, step.effect) == (text, effect)


def test_an_instance_without_a_directory_gets_one_first() -> None:
    plan = planned(state(), observed(replace(RIGHT, directory=False)))
    assert [step.text for step in plan] == ["make off"]


@pytest.mark.parametrize("field", ["refusal", "obstacle"])
def test_what_must_or_can_not_be_renewed_is_blocked(field: str) -> None:
    step = only(planned(state(), observed(replace(RIGHT, **{field: "no secret"}))))  # type: ignore[arg-type]
    assert (step.action, step.reason) == (None, "no secret")


def test_what_was_not_looked_at_is_unknown() -> None:
    for seen in (observed(), observed(replace(RIGHT, unknown="it cannot be read"))):
        [finding] = planned(state(), seen).findings
        assert finding.state == "unknown"


@pytest.mark.parametrize("ends", [1, 2])
def test_an_end_with_the_key_of_before_is_said_once_and_works(ends: int) -> None:
    old = ObservedTunnel("redis", "server", 1, True, proof="", aged="off2 has another tunnel key")
    plan = planned(state(), observed(replace(RIGHT, ends=(old,) * ends)))
    assert only(plan).text == "rotate"
    assert only(plan).reason == "off2 has another tunnel key"
    assert ("proof", "stays up") in {(one.field, one.value) for one in plan.settled}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"different": ("off.conf says 10.0.0.9",)}, "off.conf says 10.0.0.9"),
        ({"refusal": "it listens in public"}, "it listens in public"),
        ({"running": False, "loaded": False}, "not running"),
        ({"loaded": False, "surplus": ("0.0.0.0:9",)}, "also listens at 0.0.0.0:9"),
        ({"loaded": False}, "not loaded"),
    ],
)
def test_what_people_keep_is_told_of_and_never_changed(
    changes: dict[str, object], reason: str
) -> None:
    kept = replace(RIGHT, kept=True, **changes)  # type: ignore[arg-type]
    desired = state(ends=(replace(END, kept=True),))
    step = only(planned(desired, observed(kept)))
    assert step.action is None
    assert step.reason.endswith(reason)
    assert planned(desired, observed(replace(RIGHT, kept=True))).steps == ()


def test_an_end_that_does_not_work_is_told_once() -> None:
    broken = ObservedTunnel("redis", "server", 1, True, proof="connection reset")
    seen = observed(replace(RIGHT, ends=(broken, broken)))
    step = only(planned(state(), seen))
    assert (step.text, step.reason) == ("prove", "connection reset")
    # While it is being renewed that says nothing yet; what stands in the way does.
    renewed = planned(state(), observed(replace(RIGHT, loaded=False, ends=(broken,))))
    assert [each.text for each in renewed] == ["reload"]
    troubled = replace(broken, trouble="its port is taken")
    renewed = planned(state(), observed(replace(RIGHT, loaded=False, ends=(troubled,))))
    assert [each.text for each in renewed] == ["reload", "prove"]
    unproven = replace(RIGHT, ends=(ObservedTunnel("redis", "server", 1, True, proof=None),))
    assert planned(state(), observed(unproven)).steps == ()


def there(number: int = 103, *, running: bool = True, shown: bool = True) -> ObservedContainer:
    mounts = (("/etc/stunnel/offctl", "/var/lib/offctl/tunnels/103"),) if shown else ()
    effective = Effective(mounts, ()) if running else None
    return ObservedContainer(number, Configuration((), (), (), (), ""), effective)


INSIDE = replace(END, container=103)


@pytest.mark.parametrize(
    ("seen", "planned_texts"),
    [
        ((there(),), ["reload"]),
        ((there(shown=False),), []),
        ((there(running=False),), []),
        ((there(104),), []),
        ((), []),
        (Unknown("no /etc/pve"), []),
    ],
)
def test_a_container_must_run_and_see_its_files(
    seen: tuple[ObservedContainer, ...] | Unknown, planned_texts: list[str]
) -> None:
    desired = state(ends=(INSIDE,), run=RunState.RUNNING)
    instance = replace(RIGHT, container=103, loaded=False)
    plan = planned(desired, observed(instance, containers=seen))
    assert [step.text for step in plan] == planned_texts
    stopped = state(ends=(INSIDE,), run=RunState.STOPPED)
    assert planned(stopped, observed(instance, containers=seen)).steps == ()


@pytest.mark.parametrize(
    ("stray", "state_of_it"),
    [
        (Stray("container 101", "off.conf", ("10.0.0.2:1",), ()), "unmanaged"),
        (Stray("container 101", "off.conf", (), ()), "unmanaged"),
    ],
)
def test_strays_in_private_are_told_of(stray: Stray, state_of_it: str) -> None:
    [finding] = planned(state(ends=()), observed(strays=(stray,))).findings
    assert finding.state == state_of_it


def test_strays_in_public_are_in_the_way() -> None:
    stray = Stray("container 101", "off.conf", ("1.2.3.4:1",), ("1.2.3.4:1",))
    step = only(planned(state(ends=()), observed(strays=(stray,))))
    assert "where others than private networks can reach it" in step.reason


def test_strays_that_cannot_be_seen_are_unknown() -> None:
    plan = planned(state(ends=()), observed(strays=Unknown("no /proc")))
    assert [finding.state for finding in plan.findings] == ["unknown"]


def test_many_names_are_cut() -> None:
    there = replace(RIGHT, different=tuple(f"psk/{n}" for n in range(9)))
    step = only(planned(state(), observed(there)))
    assert step.differences[0].observed == "psk/0, psk/1, psk/2, psk/3 and 5 more"
