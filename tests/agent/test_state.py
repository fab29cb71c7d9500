"""The agent's memory: whole or set aside, never half believed."""

from collections.abc import Callable
from datetime import UTC, datetime
import errno
import hashlib
import os
from pathlib import Path

import pytest

from offctl.planner.debts import Debt
from offctl.planner.ledger import Entry, Ledger
from offctl.report import Difference, Event
from offctl.trust.accept import Floor
from offctl_agent.approvals import Approval
from offctl_agent.backoff import Starts
from offctl_agent.floors import Mark
from offctl_agent.state import KEPT_EVENTS, State
from offctl_agent.trials import Trial, Undone
from offctl_agent.unasked import Known

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


APPROVAL = Approval("ab" * 32, frozenset({("container 113", "cores", "2", "4")}))
TRIAL = Trial(113, "text", (("cores", "2"),), None, APPROVAL.changes)
UNDONE = Undone(113, "text", APPROVAL.changes, "no answer", "2026-01-01T00:00:00Z")
KNOWN = Known(frozenset({("dataset a", "atime", "on")}))
STARTS = Starts({113: (TIME,)})
SAID = {"tunnel a": ("up", "2026-01-01T00:00:00Z")}
# Every file: how it is kept, and how it is read.
KEPT: dict[str, tuple[Callable[[State], object], Callable[[State], object]]] = {
    "release": (lambda s: s.keep_release(b"release"), State.release),
    "floor": (lambda s: s.keep_mark(MARK), State.mark),
    "clock": (lambda s: s.keep_signed_time(TIME), State.signed_time),
    "ledger": (lambda s: s.keep_ledger(LEDGER), lambda s: list(s.ledger())),
    "debts": (lambda s: s.keep_debts([Debt(113, "protection", "1")]), State.debts),
    "events": (lambda s: s.keep_events([EVENT]), State.events),
    "approval": (lambda s: s.keep_approval(APPROVAL), lambda s: s.approval().changes),
    "trials": (lambda s: s.keep_trials([TRIAL]), State.trials),
    "undone": (lambda s: s.keep_undone([UNDONE]), State.undone),
    "unasked": (lambda s: s.keep_unasked(KNOWN), lambda s: s.unasked().open),
    "starts": (lambda s: s.keep_starts(STARTS), lambda s: s.starts().items()),
    "tunnels": (lambda s: s.keep_tunnels(SAID), State.tunnels),
    "stream": (lambda s: s.next_stream(0, TIME), State.looked),
}


def keep_all(state: State) -> None:
    for keep, _ in KEPT.values():
        keep(state)


def read_all(state: State) -> dict[str, object]:
    return {name: read(state) for name, (_, read) in KEPT.items()}


def test_everything_is_read_back(state: State) -> None:
    keep_all(state)
    found = again(state)
    assert found.release() == b"release"
    assert found.mark() == MARK
    assert found.signed_time() == TIME
    assert list(found.ledger()) == list(LEDGER)
    assert found.debts() == (Debt(113, "protection", "1"),)
    assert found.events() == (EVENT,)
    assert found.approval() == APPROVAL
    assert found.trials() == (TRIAL,)
    assert found.undone() == (UNDONE,)
    assert found.unasked() == KNOWN
    assert found.starts().items() == STARTS.items()
    assert found.tunnels() == SAID
    assert found.looked() == TIME
    assert {path.name for path in state.directory.iterdir()} == set(KEPT)
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
@pytest.mark.parametrize("name", KEPT)
def test_a_damaged_file_is_set_aside_and_named(state: State, name: str, damage: str) -> None:
    keep_all(state)
    path = state.directory / name
    damaged = DAMAGE[damage](path.read_bytes())
    path.write_bytes(damaged)

    found = again(state)
    values = read_all(found)
    assert not values.pop(name)
    assert all(values.values())
    assert len(found.damaged) == 1
    assert found.damaged[0].startswith(f"{name} was damaged")
    aside = list(state.directory.glob(f"{name}.damaged-*"))
    assert [path.read_bytes() for path in aside] == [damaged]


def test_what_was_set_aside_is_told_until_it_is_removed(state: State) -> None:
    keep_all(state)
    (state.directory / "debts").write_bytes(b"torn")
    assert state.debts() == ()
    assert state.left_aside() == (), "this run has told it already"
    (aside,) = state.directory.glob("debts.damaged-*")
    for _ in range(2):
        (told,) = again(state).left_aside()
        assert told.startswith(f"{aside.name} was damaged and set aside")
        assert str(state.directory) in told
    aside.unlink()
    assert again(state).left_aside() == ()


def test_a_directory_that_cannot_be_listed_is_told_of_and_keeps_no_report_back(
    state: State,
) -> None:
    keep_all(state)
    state.directory.rename(state.directory.with_name("away"))
    assert again(state).left_aside() == (
        "cannot look for what was set aside: No such file or directory",
    )


def test_a_new_stream_of_reports_begins_after_those_that_are_there(state: State) -> None:
    before = state.next_stream(0)
    (state.directory / "stream").write_bytes(b"torn")
    after = again(state).next_stream(5)
    assert after.name != before.name
    assert after.sequence == 6


@pytest.mark.parametrize("name", KEPT)
def test_what_cannot_even_be_set_aside_stays_and_is_told_once(
    state: State, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_all(state)
    path = state.directory / name
    path.write_bytes(b"torn")

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "rename", refuse)
    found = again(state)
    for _ in range(2):
        assert not read_all(found)[name]
        assert found.ledger().lost == (name == "ledger")
    assert path.read_bytes() == b"torn"
    assert [note.split(", and")[0] for note in found.damaged] == [f"{name} is damaged"]
    assert "Read-only" in found.damaged[0]


@pytest.mark.parametrize(
    "content",
    [b"[]", b"7", b'{"mark":"9"}', b'{"mark":1,"signed":2}', b"{}", b'{"signed":"2026"}'],
)
def test_a_whole_file_of_another_shape_is_nothing(state: State, content: bytes) -> None:
    for name in KEPT:
        state._write(name, content)
    found = again(state)
    values = read_all(found)
    assert values.pop("release") == content, "whose shape is judged by who reads it"
    assert not any(values.values())
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
