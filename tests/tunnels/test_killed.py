"""kill -9 of the agent between every two steps of writing, reloading and proving; real stunnel."""

from collections.abc import Iterator
from dataclasses import replace
import itertools
from pathlib import Path
import tempfile

import pytest

from offctl_agent.host.stunnel.seat import Seat
from tunnels.killed import killed_at
from tunnels.pair import End, Pair, pair


@pytest.fixture
def up() -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="offctl-killed-") as directory:
        Path(directory).chmod(0o755)
        with pair(Path(directory), hold=0.3) as made:
            made.server.renew()
            made.client.renew()
            yield made


def interrupted(end: End, step: int) -> str:
    """Renew an end and look at it, killed at a step; then what the next run makes of it."""

    def work(seat: Seat) -> None:
        door = replace(end.door, seat_of=lambda _: seat)
        replace(end, door=door).renew()
        replace(end, door=door).look()

    return killed_at(step, end.place, work)


def recover(end: End) -> None:
    end.renew()
    seen = end.look()
    assert (seen.unknown, seen.obstacle, seen.refusal) == ("", "", "")
    assert (seen.different, seen.leftover, seen.surplus) == ((), (), ())
    assert (seen.running, seen.loaded) == (True, True)
    assert {each.proof for each in seen.ends} <= {"", None}


def test_every_phase_of_a_rotation_killed_at_every_step(up: Pair) -> None:
    """Whenever it dies, the tunnel works, before anybody comes, and the next run ends it."""
    seen: set[str] = set()
    for step in itertools.count(1):
        names = []
        old, new = step, step + 1
        for end, client, accepted in (
            (up.server, old, (old, new)),
            (up.client, new, (old, new)),
            (up.server, new, (new,)),
        ):
            up.generation(client, *accepted)
            names.append(interrupted(end, step))
            assert up.through(f"{step} {names[-1]}").endswith(names[-1])
            recover(end)
            assert up.through("again").endswith("again")
        seen.update(name.split(" ")[0] for name in names)
        if not any(names):
            break
    assert seen >= {"process", "launch", "halt", "prove", "reload", "file"}


def test_the_first_set_up_killed_at_every_step() -> None:
    for step in itertools.count(1):
        with tempfile.TemporaryDirectory(prefix="offctl-killed-") as directory:
            Path(directory).chmod(0o755)
            with pair(Path(directory), hold=0.3) as made:
                if not interrupted(made.server, step):
                    break
                recover(made.server)


def test_a_cut_of_a_revoked_key_killed_at_every_step(up: Pair) -> None:
    """Whatever it had come to: in the end the connection is cut, and cut once."""
    for step in itertools.count(1):
        (end,) = up.server.ends
        live = up.client.place.hold(up.client.ends[0].accept)
        generation = step + 1
        up.server.ends = (replace(end, generation=generation, identity=f"c-g{generation}",
                                  revoked=step),)  # fmt: skip
        name = interrupted(up.server, step)
        recover(up.server)
        live.wait(timeout=10)
        assert up.server.look().uncut == ()
        up.generation(generation, generation)
        up.server.ends = (replace(up.server.ends[0], revoked=step),)
        recover(up.server)
        recover(up.client)
        assert up.through("new").endswith("new")
        if not name:
            break
