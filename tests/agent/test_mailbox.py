"""The inbox is hostile, the outbox a ring, the bell never blocks."""

from collections.abc import Callable
import os
from pathlib import Path
import select

import pytest

from offctl.errors import AdminError
from offctl_agent import mailbox
from offctl_agent.mailbox import KEPT_REPORTS, Doorbell, Inbox, Outbox

SLOTS: dict[str, tuple[Callable[[Inbox], bytes | None], int]] = {
    "release.json": (Inbox.release, mailbox.MAX_DROP),
    "timestamp.json": (Inbox.timestamp, mailbox.MAX_TIMESTAMP),
    "courier.json": (Inbox.note, mailbox.MAX_NOTE),
}


def link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(mailbox.MAX_DROP + 1)


PLANTS = [link, dangling, sparse, os.mkfifo, Path.mkdir]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", SLOTS)
def test_what_is_no_bounded_file_is_refused_without_waiting(
    tmp_path: Path, name: str, plant: Callable[[Path], object]
) -> None:
    plant(tmp_path / name)
    read, _ = SLOTS[name]
    with pytest.raises(AdminError, match="cannot read"):
        read(Inbox(tmp_path))


@pytest.mark.parametrize("name", SLOTS)
def test_a_slot_holds_up_to_its_limit_and_nothing_when_empty(tmp_path: Path, name: str) -> None:
    read, limit = SLOTS[name]
    assert read(Inbox(tmp_path)) is None
    (tmp_path / name).write_bytes(b"x" * limit)
    assert read(Inbox(tmp_path)) == b"x" * limit
    (tmp_path / name).write_bytes(b"x" * (limit + 1))
    with pytest.raises(AdminError, match="larger than"):
        read(Inbox(tmp_path))


def test_the_inbox_cannot_grow(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    for number in range(3):
        inbox.put_release(b"release %d" % number)
        inbox.put_timestamp(b"timestamp")
        inbox.put_note(b"note")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(SLOTS)
    assert (inbox.release(), inbox.timestamp(), inbox.note()) == (
        b"release 2",
        b"timestamp",
        b"note",
    )


def test_the_outbox_is_a_ring_of_the_newest(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    assert (outbox.newest(), list(outbox.after(0))) == (0, [])
    for number in range(1, KEPT_REPORTS + 3):
        outbox.put(number, b"%d" % number)
    found = [number for number, _ in outbox.after(0)]
    assert found == list(range(3, KEPT_REPORTS + 3))
    assert outbox.newest() == KEPT_REPORTS + 2
    assert list(outbox.after(KEPT_REPORTS)) == [
        (n, b"%d" % n) for n in (KEPT_REPORTS + 1, KEPT_REPORTS + 2)
    ]


def test_other_files_in_the_outbox_are_not_reports(tmp_path: Path) -> None:
    for name in ("x.json", "-1.json", "1.json.bak", ".2.json", "9" * 16 + ".json", "3"):
        (tmp_path / name).touch()
    assert Outbox(tmp_path).newest() == 0


@pytest.mark.parametrize("call", [Outbox.newest, lambda o: list(o.after(0))])
def test_an_outbox_that_is_not_there_is_told(
    tmp_path: Path, call: Callable[[Outbox], object]
) -> None:
    with pytest.raises(AdminError, match="cannot read"):
        call(Outbox(tmp_path / "away"))


def test_a_ring_wakes_and_many_rings_wake_once(tmp_path: Path) -> None:
    path = mailbox.agent_bell(tmp_path)
    path.touch()
    bell = Doorbell(path)
    try:
        for _ in range(2000):
            mailbox.ring(path)
        assert select.select([bell], [], [], 5)[0] == [bell]
        bell.clear()
        assert select.select([bell], [], [], 0)[0] == []
    finally:
        bell.close()
    assert not path.exists()
    mailbox.ring(path)
    assert mailbox.courier_bell(tmp_path) != path
