"""What is noted of a change before it, and what it takes to be taken back."""

from pathlib import Path

from offctl.desired.model import IdRange
from offctl.observed import Configuration
from offctl.planner.actions import SetContainer, SetIdmap
from offctl_agent import trials
from offctl_agent.state import State
from offctl_agent.trials import Trial, Undone


def test_an_id_map_goes_back_to_what_it_was() -> None:
    was, new = ("u 0 100000 65536", "g 0 100000 65536"), (IdRange("u", 0, 200000, 65536),)
    trial = Trial(113, "text").noting(SetIdmap(113, new, was), [])
    trial = trial.noting(SetIdmap(113, (), ("u 0 200000 65536",)), [])
    now = Configuration((), (("lxc.idmap", "u 0 200000 65536"),), (), (), "")
    [action] = trials.inverse(trial, now, ("u 0 200000 65536",))
    assert action == SetIdmap(
        113,
        (IdRange("u", 0, 100000, 65536), IdRange("g", 0, 100000, 65536)),
        ("u 0 200000 65536",),
    )
    assert trials.inverse(trial, now, was) == ()


def test_the_earliest_value_is_the_one_that_comes_back() -> None:
    first = SetContainer(113, (("cores", "4"),), (), (), (("cores", "8"),), protected=False)
    second = SetContainer(113, (("cores", "2"),), (), (), (("cores", "4"),), protected=False)
    trial = Trial(113, "text").noting(first, []).noting(second, [])
    now = Configuration((("cores", "2"), ("mp0", "/a,mp=/a"), ("protection", "1")), (), (), (), "")
    [action] = trials.inverse(trial, now, ())
    assert isinstance(action, SetContainer)
    assert (action.options, action.before) == ((("cores", "8"),), (("cores", "2"),))
    mounted = trial.noting(SetContainer(113, (), ("mp0",), (), (("mp0", ""),), protected=True), [])
    [action] = trials.inverse(mounted, now, ())
    assert isinstance(action, SetContainer)
    assert (action.delete, action.protected) == (("mp0",), True)


def test_trials_survive_the_disk(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.prepare()
    change = ("container 113", "cores", "8", "1")
    trial = Trial(113, "t", (("cores", "8"),), ("u 0 1 1",), frozenset({change}), True, True)
    state.keep_trials([trial, Trial(114, "t")])
    assert State(tmp_path).trials() == (trial, Trial(114, "t"))
    undone = Undone(113, "t", frozenset({change}), "refused", "2026-03-04T05:06:07Z")
    state.keep_undone([undone])
    assert State(tmp_path).undone() == (undone,)
