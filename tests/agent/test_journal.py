"""The journal: what it keeps through a crash, and what it survives."""

from pathlib import Path

import pytest

from offctl.errors import AdminError
from offctl.planner import actions as act
from offctl.planner.debts import Debt
from offctl.planner.plan import Effect, Origin, Resource, Step
from offctl.report import Difference
from offctl_agent import checksummed
from offctl_agent.journal import MAX_JOURNAL, Journal

DIFFERENCE = Difference("cores", "2", "4")


def step(*, protected: bool = False) -> Step:
    action = act.SetContainer(113, (("cores", "4"),), (), (), (("cores", "2"),), protected)
    resource = Resource("container 113", "container 113 off")
    return Step(resource, "set", Effect.ONLINE, Origin.WANTED, action, differences=(DIFFERENCE,))


def test_nothing_is_left_of_no_journal(tmp_path: Path) -> None:
    assert Journal(tmp_path / "journal").recover() == []


def test_outcomes_find_their_intents(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    first, second, third = (journal.intend(step()) for _ in range(3))
    journal.conclude(second, "failed")
    journal.conclude(first, "done")
    assert third == 3
    left = Journal(tmp_path / "journal").recover()
    assert [record.outcome for record in left] == ["done", "failed", ""]
    assert {(record.key, record.differences) for record in left} == {
        ("container 113", (DIFFERENCE,))
    }
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o600


def test_a_new_life_goes_on_counting(tmp_path: Path) -> None:
    Journal(tmp_path / "journal").intend(step())
    second = Journal(tmp_path / "journal")
    second.recover()
    number = second.intend(step())
    second.conclude(number, "done")
    assert [r.outcome for r in Journal(tmp_path / "journal").recover()] == ["", "done"]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_is_dropped_and_the_next_is_whole(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.conclude(journal.intend(step()), "done")
    whole = path.read_bytes()
    journal.intend(step())
    path.write_bytes(path.read_bytes()[: len(whole) + cut])

    again = Journal(path)
    assert [record.outcome for record in again.recover()] == ["done"]
    assert again.torn == (1 if cut > 1 else 0), "the first byte ends the line before"
    again.intend(step())
    assert [record.outcome for record in Journal(path).recover()] == ["done", ""]


GARBAGE = [
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"{}",
    b'{"number":"1","key":"x"}',
    b'{"number":9,"outcome":"done"}',
    b'{"number":1,"outcome":7}',
    b"[" * 100_000,
    b"1e999",
]


@pytest.mark.parametrize("whole", [False, True], ids=["bare", "with its checksum"])
@pytest.mark.parametrize("line", GARBAGE, ids=lambda line: line[:20].decode("latin-1"))
def test_garbage_between_lines_is_passed_over(tmp_path: Path, line: bytes, *, whole: bool) -> None:
    path = tmp_path / "journal"
    Journal(path).intend(step())
    said = checksummed.dump_line(line) if whole else line
    path.write_bytes(path.read_bytes() + said + b"\n")
    assert [record.outcome for record in Journal(path).recover()] == [""]


def test_a_line_that_a_disk_has_changed_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    Journal(path).intend(step())
    whole = path.read_bytes()
    for place in range(1, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        journal = Journal(path)
        assert journal.recover() == [], place
        assert journal.torn >= 1


def test_an_odd_record_keeps_what_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    lines = (
        b'{"number":1,"key":"a","differences":[["x","y","z"],["x"],7,["a","b",3]]}',
        b'{"number":2,"key":"b","differences":"no","protection":"yes"}',
    )
    path.write_bytes(b"".join(checksummed.dump_line(line) + b"\n" for line in lines))
    first, second = Journal(path).recover()
    assert first.differences == (Difference("x", "y", "z"),)
    assert (second.key, second.differences, second.debt) == ("b", (), None)


def test_a_lifted_flag_is_in_the_record(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.intend(step(protected=True))
    journal.intend(step())
    left = Journal(tmp_path / "journal").recover()
    assert [record.debt for record in left] == [Debt(113, "protection", "1"), None]


def test_emptied(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.intend(step())
    journal.empty()
    assert Journal(tmp_path / "journal").recover() == []


@pytest.mark.parametrize("what", ["directory", "link", "large"])
def test_what_is_no_journal_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "journal"
    if what == "directory":
        path.mkdir()
    elif what == "link":
        (tmp_path / "elsewhere").touch()
        path.symlink_to("elsewhere")
    else:
        with path.open("wb") as file:
            file.truncate(MAX_JOURNAL + 1)
    with pytest.raises(AdminError, match="cannot read"):
        Journal(path).recover()


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"keep")
    (tmp_path / "journal").symlink_to("elsewhere")
    with pytest.raises(AdminError, match="cannot write"):
        Journal(tmp_path / "journal").intend(step())
    assert (tmp_path / "elsewhere").read_bytes() == b"keep"
