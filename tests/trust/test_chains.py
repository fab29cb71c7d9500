"""Chains of trust roots as they are carried: cut to a size, and never longer than may be."""

import pytest

from offctl import errors
from offctl.trust import rotation
from offctl.trust.rotation import MAX_ROTATIONS, Step
from transport.fleet import Fleet


def chain(fleet: Fleet, count: int) -> tuple[Step, ...]:
    roots = [fleet.root(version=version) for version in range(1, count + 2)]
    return tuple(Step(r.version, rotation.sign(r, [fleet.release_key])) for r in roots[1:])


def test_what_comes_after_a_version_is_cut_to_a_size() -> None:
    steps = chain(Fleet(), 4)
    size = len(steps[0].envelope)
    assert rotation.newer_than(steps, 1, limit=10 * size) == steps
    assert rotation.newer_than(steps, 3, limit=10 * size) == steps[2:]
    assert rotation.newer_than(steps, 1, limit=2 * size) == steps[:2]
    assert rotation.newer_than(steps, 3, limit=size) == steps[2:3]
    assert rotation.newer_than(steps, 1, limit=size - 1) == ()
    assert rotation.newer_than(steps, 9, limit=0) == ()


def test_a_chain_that_is_too_long_is_refused_as_a_whole() -> None:
    fleet = Fleet()
    steps = chain(fleet, MAX_ROTATIONS + 1)
    with pytest.raises(errors.RefusedError) as refused:
        rotation.follow(steps, fleet.root())
    assert refused.value.code == "TOO_LARGE"
    assert rotation.follow(steps[:-1], fleet.root()).root.version == MAX_ROTATIONS + 1


def test_another_root_of_the_version_in_force_is_equivocation() -> None:
    fleet = Fleet()
    trusted = fleet.root(version=2)
    other = fleet.root(version=2, threshold=1, operators=())
    with pytest.raises(errors.RefusedError) as refused:
        rotation.follow([Step(2, rotation.sign(other, [fleet.release_key]))], trusted)
    assert refused.value.code == "EQUIVOCATION"
    same = Step(2, rotation.sign(trusted, [fleet.release_key]))
    assert rotation.follow([same], trusted).root == trusted


def test_what_is_older_is_passed_over_and_what_cannot_be_read_is_refused() -> None:
    fleet = Fleet()
    old, *rest = chain(fleet, 3)
    trusted = fleet.root(version=3)
    assert rotation.follow([old, *rest], trusted).root.version == 4
    with pytest.raises(errors.RefusedError) as refused:
        rotation.follow([old, Step(4, b"{}")], trusted)
    assert refused.value.code == "MALFORMED"


def test_what_is_no_trust_root_cannot_be_looked_at_as_one() -> None:
    fleet = Fleet()
    with pytest.raises(errors.MalformedError, match="cannot read a trust root: it is application"):
        rotation.payload_of(fleet.release(1, "off1").envelope)
    root = fleet.root()
    assert rotation.payload_of(rotation.sign(root, [fleet.release_key])) == root
