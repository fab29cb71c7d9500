"""The agent's memory: whole or set aside, never half believed."""

from collections.abc import Callable
from datetime import UTC, datetime
import hashlib
from pathlib import Path

import pytest

from offctl.planner.debts import Debt
from offctl.planner.ledger import Entry, Ledger
from offctl.report import Difference, Event
from offctl.trust.accept import Floor
from offctl_agent.floors import Mark
from offctl_agent.state import KEPT_EVENTS, State

LEDGER = Ledger(
    {"dataset a": {"exists": Entry("yes", ours=True), "atime": Entry("off", ours=False)}}
)
EVENT = Event(
    "2026-01-01T00:00:00Z", "a", "create", "wanted", "done", "", (Difference("x", "y", "z"),)
)

MARK = Mark("off", Floor(7, "ab" * 32), 2)
TIME = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(tmp_path / "agent")
    state.prepare()
    return state


def again(state: State) -> State:
    return State(state.directory)


def test_a_new_memory_is_empty(state: State) -> None:
    assert state.release() is None
    assert state.mark() is None
    assert list(state.ledger()) == []
    assert (state.debts(), state.events(), state.damaged) == ((), (), [])
    assert state.directory.stat().st_mode & 0o777 == 0o700


def test_everything_is_read_back(state: State) -> None:
    state.keep_mark(MARK)
    state.keep_signed_time(TIME)
    state.keep_release(b"release")
    state.keep_ledger(LEDGER)
    state.keep_debts([Debt(113, "protection", "1")])
    state.keep_events([EVENT])
    found = again(state)
    assert found.release() == b"release"
    assert found.mark() == MARK
    assert found.signed_time() == TIME
    assert list(found.ledger()) == list(LEDGER)
    assert found.debts() == (Debt(113, "protection", "1"),)
    assert found.events() == (EVENT,)
    assert {path.stat().st_mode & 0o777 for path in state.directory.iterdir()} == {0o600}


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda content: content[:-1],
    "longer": lambda content: content + b"x",
    "one bit": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "other header": lambda content: content.replace(b"offctl-state 1", b"offctl-state 2"),
    "no header": lambda content: content.split(b"\n", 1)[1],
    "garbage": lambda _: b"\x00" * 200,
    "huge length": lambda content: content.replace(b" ", b" 9" * 9, 3),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(
    "name", ["release", "floor", "clock", "ledger", "debts", "events", "stream"]
)
def test_a_damaged_file_is_set_aside_and_named(state: State, name: str, damage: str) -> None:
    state.keep_mark(MARK)
    state.keep_signed_time(TIME)
    state.keep_release(b"release")
    state.keep_ledger(LEDGER)
    state.keep_debts([Debt(113, "protection", "1")])
    state.keep_events([EVENT])
    before = state.next_stream(0)
    path = state.directory / name
    damaged = DAMAGE[damage](path.read_bytes())
    path.write_bytes(damaged)

    found = again(state)
    stream = found.next_stream(5)
    values = {
        "release": found.release(),
        "floor": found.mark(),
        "clock": found.signed_time(),
        "ledger": list(found.ledger()),
        "debts": found.debts(),
        "events": found.events(),
        "stream": None if stream.name != before.name else stream,
    }
    assert values.pop(name) in (None, [], ())
    assert all(value not in (None, [], ()) for value in values.values())
    assert len(found.damaged) == 1
    assert found.damaged[0].startswith(f"{name} was damaged")
    aside = list(state.directory.glob(f"{name}.damaged-*"))
    assert [path.read_bytes() for path in aside] == [damaged]
    assert stream.sequence == (6 if name == "stream" else before.sequence + 5)


@pytest.mark.parametrize(
    "content",
    [b"[]", b"7", b'{"mark":"9"}', b'{"mark":1,"signed":2}', b"{}", b'{"signed":"2026"}'],
)
def test_a_whole_file_of_another_shape_is_nothing(state: State, content: bytes) -> None:
    for name in ("floor", "clock", "ledger", "debts", "events", "stream"):
        state._write(name, content)
    found = again(state)
    assert found.mark() is None
    assert found.signed_time() is None
    assert found.debts() == ()
    assert found.events() == ()
    assert list(found.ledger()) == []
    assert found.next_stream(3).sequence == 4


def test_only_the_newest_events_are_kept(state: State) -> None:
    state.keep_events([EVENT] * (KEPT_EVENTS + 1))
    assert len(state.events()) == KEPT_EVENTS


def test_numbers_of_reports_only_grow(state: State) -> None:
    first = state.next_stream(0)
    assert [again(state).next_stream(n).sequence for n in (0, 9, 3)] == [2, 10, 11]
    assert again(state).next_stream(0).name == first.name


@pytest.mark.parametrize("what", ["directory", "link"])
def test_what_is_no_file_is_set_aside_and_counts_as_lost(state: State, what: str) -> None:
    path = state.directory / "ledger"
    path.mkdir() if what == "directory" else path.symlink_to("/etc/passwd")
    assert state.ledger().lost
    assert not path.exists()
    assert len(state.damaged) == 1


def test_a_ledger_is_lost_only_when_there_was_one(state: State) -> None:
    assert not state.ledger().lost
    state.begin()
    assert not state.ledger().lost
    (state.directory / "ledger").unlink()
    assert state.ledger().lost


def test_what_another_version_wrote_is_set_aside(state: State) -> None:
    state.keep_debts([])
    state.keep_events([])
    content = b'{"debts":[{"unknown":1}],"events":[{"unknown":1}]}'
    header = f"offctl-state 1 {hashlib.sha256(content).hexdigest()} {len(content)}\n".encode()
    for name in ("debts", "events"):
        (state.directory / name).write_bytes(header + content)
    assert (state.debts(), state.events()) == ((), ())
    assert len(state.damaged) == 2


def test_reading_only_sets_nothing_aside(state: State) -> None:
    (state.directory / "ledger").write_bytes(b"garbage")
    looking = State(state.directory, read_only=True)
    assert looking.ledger().lost
    assert looking.damaged == ["ledger is damaged"]
    assert (state.directory / "ledger").read_bytes() == b"garbage"
