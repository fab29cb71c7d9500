"""Stunnel instances under a text that the host has not got yet."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from offctl.desired.model import BindMount, DesiredState, RunState, TunnelEnd
from offctl.observed import Configuration, Effective, ObservedContainer, ObservedInstance
from offctl.planner import foreseentunnels, foresight, tunnels
from offctl.planner import view as views
from offctl.planner.foresight import Foreseen
from offctl.planner.ledger import Ledger
from offctl.planner.view import View
from planner.test_tunnels import END, RIGHT, observed, state

Ends = tuple[TunnelEnd, ...]


def view(
    *ends: TunnelEnd, seen: tuple[ObservedInstance, ...] = (RIGHT,), inside: bool = False
) -> View:
    """Of a host on which everything is as `ends` ask; with `inside` container 103 runs."""
    shown = (("/etc/stunnel/offctl", "/var/lib/offctl/tunnels/103"),)
    there = ObservedContainer(103, Configuration((), (), (), (), ""), Effective(shown, ()))
    found = observed(*seen, containers=(there,) if inside else ())
    return views.of(state(ends=ends), found, Ledger(), ())


def foresee(desired: DesiredState, known: View) -> Foreseen:
    return foresight.foresee(desired, known)


def test_what_is_asked_for_again_is_as_it_was_seen_whoever_uses_it() -> None:
    again = replace(END, consumers=("robotoff",), peer_host="renamed")
    found = foresee(state(ends=(again,)), view(END))
    assert found.plan.steps == ()
    assert found.exact


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda e: (replace(e, accept="10.0.0.2:6380"),), "write and reload"),
        (
            lambda e: (e, replace(e, name="more", section="More", accept="::1:9")),
            "write and reload",
        ),
        (
            lambda e: (replace(e, generation=3, identity="redis.3", revoked=2),),
            "write and restart: every connection through it is cut",
        ),
    ],
)
def test_another_wish_is_written_and_read_anew(
    change: Callable[[TunnelEnd], Ends], text: str
) -> None:
    found = foresee(state(ends=change(END)), view(END))
    assert [step.text for step in found.plan] == [text]
    assert found.unknown == ()
    assert not found.exact, "which files differ, the host will say in its own words"


def test_a_key_that_was_revoked_before_cuts_nobody_again() -> None:
    old = replace(END, generation=3, identity="redis.3", revoked=2)
    found = foresee(state(ends=(replace(old, accept="10.0.0.2:6380"),)), view(old))
    assert [step.text for step in found.plan] == ["write and reload"]
    uncut = replace(RIGHT, uncut=("redis 2",))
    found = foresee(state(ends=(replace(old, accept="10.0.0.2:6380"),)), view(old, seen=(uncut,)))
    assert [step.text.split(":")[0] for step in found.plan] == ["write and restart"]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (END, replace(END, peer_key="x25519:other"), foreseentunnels.PEER_KEY),
        (END, replace(END, kept=True), foreseentunnels.PEOPLE),
        (replace(END, kept=True), END, foreseentunnels.PEOPLE),
    ],
)
def test_what_only_the_host_can_tell_is_unknown(
    before: TunnelEnd, after: TunnelEnd, why: str
) -> None:
    seen = replace(RIGHT, kept=before.kept)
    found = foresee(state(ends=(after,)), view(before, seen=(seen,)))
    assert found.plan.steps == ()
    assert [finding.reason for finding in found.unknown] == [why]
    assert [f.reason for f in found.plan.findings if f.state == "unknown"] == [why]


def test_what_was_refused_may_be_right_now() -> None:
    seen = replace(RIGHT, refusal="no such address here")
    found = foresee(state(ends=(replace(END, accept="::1:9"),)), view(END, seen=(seen,)))
    assert [step.text for step in found.plan] == ["write and reload"]
    assert [f.reason for f in found.unknown] == ["it was refused before: no such address here"]


@pytest.mark.parametrize("kept", [False, True])
def test_a_new_instance_is_made(kept: bool) -> None:
    found = foresee(state(ends=(replace(END, kept=kept),)), view(seen=()))
    texts = [step.text for step in found.plan]
    assert texts == ([] if kept else ["make off", "write and start"])
    assert [f.reason for f in found.unknown] == [foreseentunnels.NEW]


def inside(run: RunState = RunState.RUNNING) -> DesiredState:
    """A tunnel in container 103, which shows the directory of its files."""
    wanted = state(ends=(replace(END, container=103),), run=run)
    shown = BindMount("/etc/stunnel/offctl", "/var/lib/offctl/tunnels/103", "")
    return replace(wanted, containers=(replace(wanted.containers[0], mounts=(shown,)),))


def test_in_a_container_that_does_not_see_its_files_yet_it_follows() -> None:
    # It runs, and its configuration has no such mount: that comes first.
    known = view(seen=(), inside=True)
    there = known.observed.containers
    assert isinstance(there, tuple)
    assert isinstance(there[0], ObservedContainer)
    blind = replace(there[0], effective=Effective((), ()))
    known = replace(known, observed=replace(known.observed, containers=(blind,)))
    found = foresee(inside(), known)
    assert [(each.text, each.container) for each in found.later] == [("write and start", 103)]
    assert "stunnel 103:off" not in {step.resource.key for step in found.plan}


@pytest.mark.parametrize(
    ("line", "cores", "texts"),
    [
        ("/var/lib/offctl/tunnels/103,mp=/etc/stunnel/offctl", "2", ["set"]),
        ("/elsewhere,mp=/etc/stunnel/offctl", "4", ["set (in effect after a restart)"]),
    ],
)
def test_in_a_container_that_sees_its_files_nothing_follows_but_a_restart(
    line: str, cores: str, texts: list[str]
) -> None:
    known = view(replace(END, container=103), seen=(replace(RIGHT, container=103),), inside=True)
    there = known.observed.containers
    assert isinstance(there, tuple)
    assert isinstance(there[0], ObservedContainer)
    file = Configuration((("mp0", line), ("cores", cores)), (), (), (), "")
    known = replace(
        known,
        observed=replace(known.observed, containers=(replace(there[0], configuration=file),)),
    )
    wanted = inside()
    four = replace(wanted.containers[0], options=(("cores", "4"),), unprivileged=False)
    other = replace(END, container=103, accept="10.0.0.2:6380")
    found = foresee(replace(wanted, containers=(four,), tunnels=(other,)), known)
    assert [step.text for step in found.plan] == [*texts, "write and reload"]
    assert [each.text for each in found.later] == ["restart"] * (len(texts[0]) > 3)


def test_in_a_container_that_stays_stopped_nothing_follows() -> None:
    found = foresee(inside(RunState.STOPPED), view(seen=()))
    assert [each.text for each in found.later if each.text != "restart"] == [] or found.plan.steps


def test_in_a_container_that_shows_something_else_nothing_follows() -> None:
    wanted = inside(RunState.STOPPED)
    other = BindMount("/mnt/off", "/zfs-hdd/off", "")
    wanted = replace(wanted, containers=(replace(wanted.containers[0], mounts=(other,)),))
    found = foresee(wanted, view(seen=()))
    assert [each.resource.key for each in found.later if "stunnel" in each.resource.key] == []


def test_every_wish_of_two_instances_keeps_their_order() -> None:
    ends = (replace(END, instance="b"), replace(END, name="a", instance="a"))
    seen = (replace(RIGHT, instance="b"), replace(RIGHT, instance="a"))
    instances, unknown = foreseentunnels.instances(state(ends=ends), view(*ends, seen=seen))
    assert [each.instance for each in instances] == [key[1] for key in tunnels.grouped(ends)]
    assert unknown == ()
