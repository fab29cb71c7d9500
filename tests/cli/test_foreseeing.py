"""What is said before publishing: of a host and of a part of it, in audit, of nonsense."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from agent.scenario import FULL, Scene
from offctl.desired.model import DesiredState, Freeze, MaxDelta, Mode, Window
from offctl.observed import Configuration, ObservedContainer, ObservedState
from offctl.planner import delta
from offctl.planner.plan import Effect
from offctl.planner.view import View
from offctl_cli import foreseeing, planjson, plantext
from offctl_cli.affected import Neighbours
from offctl_cli.foreseeing import HostPlan, Seen
from planner import case

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
AROUND = Neighbours((), {})
# An option of each container, one of them for the next start.
CHANGED = FULL.replace('cores = "8"', 'cores = "6", tty = "1"').replace('"2" }', '"1" }')
NIGHTS = Window((6,), 60, 180, "Europe/Paris")
EVENINGS = Window((0, 1), 1200, 1260, "UTC")


def looked(scene: Scene) -> View:
    scene.run()
    view = scene.run().view
    assert view is not None
    return view


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene.make(tmp_path)


def plan(state: DesiredState, view: View) -> HostPlan:
    (found,) = foreseeing.foresee([state], {state.host: Seen(view, NOW)})
    return found


def part(whole: HostPlan, *containers: int) -> HostPlan:
    (found,) = foreseeing.only([whole], [(whole.desired.host, each) for each in containers])
    return found


def test_a_part_of_a_plan_is_approved_by_the_hash_of_the_whole(scene: Scene) -> None:
    view = looked(scene)
    state = replace(case.desired(CHANGED), max_delta=MaxDelta(containers=1))
    scene.desired = state
    whole = plan(state, view)
    one = part(whole, 113)
    assert {step.container for step in one.steps} == {113} != {s.container for s in whole.steps}
    hosts_own = scene.plan()
    named = delta.plan_hash(hosts_own, state)
    assert one.plan_hash == whole.plan_hash == named
    note = f"needs an approval: 2 of 2 containers (more than 1 %); `offctl approve off2 {named}`"
    assert note in one.notes(NOW)
    assert note in whole.notes(NOW)
    [told] = planjson.document("s", (one,), AROUND, NOW, 3)["hosts"]
    assert (told["digest"], told["plan_hash"]) == (hosts_own.digest, named)
    assert {step["key"] for step in told["steps"]} == {"container 113"}


def test_what_is_not_known_of_another_container_makes_the_hash_unknown(scene: Scene) -> None:
    view = looked(scene)
    services = "id = 113\nservices = ['nginx.service']\n"
    one = part(plan(case.desired(CHANGED.replace("id = 113\n", services)), view), 114)
    assert one.steps
    assert not one.unknown
    assert one.plan_hash == ""


def test_a_host_in_audit_restarts_nothing_and_waits_for_nothing(scene: Scene) -> None:
    view = looked(scene)
    enforced = replace(
        case.desired(CHANGED),
        max_delta=MaxDelta(containers=1),
        freeze=Freeze(NOW + timedelta(days=1), "a restore"),
    )
    busy = plan(enforced, view)
    assert [each.effect for each in busy.later] == [Effect.RESTART]
    assert len(busy.notes(NOW)) == 3
    found = plan(replace(enforced, mode=Mode.AUDIT), view)
    assert found.steps
    assert found.later == ()
    assert [found.count(effect) for effect in Effect] == [0] * len(Effect)
    assert found.notes(NOW) == (
        "the host is in audit: all of this is reported, and nothing is done",
    )
    assert (
        plantext.closing((found,))
        == f"plan: nothing to do; {len(found.steps)} only reported (audit)"
    )


@pytest.mark.parametrize(
    ("host", "own", "expected"),
    [
        ((), (), ["container 113 ct113, container 114 ct114 wait for `offctl-agent"]),
        ((NIGHTS,), (), ["container 113 ct113, container 114 ct114 wait for sun "]),
        (
            (NIGHTS,),
            (EVENINGS,),
            ["container 113 ct113 wait for mon", "container 114 ct114 wait for sun "],
        ),
        ((NIGHTS,), (NIGHTS,), ["container 113 ct113, container 114 ct114 wait for sun "]),
    ],
)
def test_each_restart_waits_for_the_windows_that_hold_for_it(
    host: tuple[Window, ...], own: tuple[Window, ...], expected: list[str], scene: Scene
) -> None:
    started = FULL.replace('run = "stopped"\n', "")
    scene.desired = case.desired(started)
    view = looked(scene)
    text = started.replace('cores = "8"', 'cores = "8", tty = "1"')
    state = case.desired(text.replace('cores = "2"', 'cores = "2", tty = "1"'))
    first, second = state.containers
    state = replace(state, windows=host, containers=(replace(first, windows=own), second))
    notes = plan(state, view).notes(NOW)
    assert len(notes) == len(expected)
    for note, words in zip(notes, expected, strict=True):
        assert note.startswith(f"restarts of {words}")


def _file(view: View, change: Callable[[Configuration], Configuration]) -> View:
    assert isinstance(view.observed.containers, tuple)
    containers = tuple(
        replace(each, configuration=change(each.configuration))
        for each in view.observed.containers
        if isinstance(each, ObservedContainer)
    )
    observed: ObservedState = replace(view.observed, containers=containers)
    return replace(view, observed=observed)


HUGE = "1" * 5000
ENDLESS: dict[str, Callable[[View], View]] = {
    "a mount": lambda view: _file(
        view, lambda f: replace(f, options=(*f.options, ("mp" + HUGE, "/x,mp=/x")))
    ),
    "an interface": lambda view: _file(
        view, lambda f: replace(f, options=(*f.options, ("net" + HUGE, "name=eth7")))
    ),
    "an order": lambda view: _file(
        view, lambda f: replace(f, options=(*f.options, ("startup", "order=" + HUGE)))
    ),
    "an id-map": lambda view: _file(
        view, lambda f: replace(f, raw=(("lxc.idmap", f"u {HUGE} 0 10"),))
    ),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_number_without_end_spoils_no_plan(name: str, scene: Scene) -> None:
    assert plan(case.desired(CHANGED), ENDLESS[name](looked(scene))).steps


def test_a_host_that_talks_nonsense_spoils_no_plan_but_its_own(scene: Scene) -> None:
    view = looked(scene)
    bad = case.desired(CHANGED)
    good = replace(bad, host="off1")
    # Nobody knows yet what a planner stumbles over: so, what no reader lets through.
    senseless = replace(view, observed=cast("ObservedState", None))
    seen = {"off2": Seen(senseless, NOW), "off1": Seen(view, NOW)}
    plans = foreseeing.foresee([bad, good], seen)
    first, second = foreseeing.only(plans, [("off2", 113), ("off1", 113)])
    assert first.foreseen is None
    assert second.steps
    words = plantext.heading(first, NOW)
    assert words.startswith("off2: cannot be foreseen: what it handed in makes no sense: ")
    assert len(words) < 400
