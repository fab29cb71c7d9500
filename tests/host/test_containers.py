"""What is made of a call that failed, or said that it did not: the host is looked at again."""

from collections.abc import Callable

import pytest

from fakes.doors import FakeDoors
from offctl.desired.model import IdRange
from offctl.errors import HostError
from offctl.planner import actions as act
from offctl_agent.host.containers import Containers

PLAIN = b"memory: 512\nrootfs: s:subvol-110-disk-0\nunprivileged: 1\n"
SET = act.SetContainer(110, (("memory", "600"),), (), (), (("memory", "512"),), protected=False)
MOUNT = act.SetContainer(110, (("mp0", "/a,mp=/b"),), (), (), (("mp0", ""),), protected=True)
CREATE = act.CreateContainer(110, "t", "s:1", True, ())
IDMAP = act.SetIdmap(110, (IdRange("u", 0, 100000, 10),), ())
BROKEN = HostError("cannot set container 110: pct exited with 1: so", code="FAILED", evidence="so")
WORSE = HostError("cannot protect container 110 again: pct exited with 1: lo", code="LOCKED")


def refused(call: Callable[[], None], code: str) -> str:
    with pytest.raises(HostError) as caught:
        call()
    assert caught.value.code == code
    return str(caught.value)


def made(file: bytes | None = PLAIN) -> tuple[FakeDoors, Containers]:
    doors = FakeDoors({} if file is None else {110: file})
    return doors, Containers(doors, doors, doors, doors)


def test_a_set_that_fails_says_when_it_is_written_all_the_same() -> None:
    doors, containers = made()
    doors.fails["pct set"] = BROKEN
    said = refused(lambda: containers.set(SET), "FAILED")
    assert said == str(BROKEN)
    doors.does["pct set"] = lambda: doors.files.update({110: PLAIN.replace(b"512", b"600")})
    assert refused(lambda: containers.set(SET), "FAILED").endswith("it is written all the same")


def test_a_set_that_fails_keeps_its_words_when_the_file_cannot_be_read_then() -> None:
    doors, containers = made()
    doors.fails["pct set"] = BROKEN
    doors.does["pct set"] = lambda: setattr(doors, "gone", "/etc/pve is not mounted")
    said = refused(lambda: containers.set(SET), "FAILED")
    assert said.startswith(str(BROKEN))
    assert "/etc/pve is not mounted" in said


def test_a_set_that_claims_success_is_not_believed() -> None:
    _, containers = made()
    assert "memory is '512' after setting it to '600'" in refused(
        lambda: containers.set(SET), "FAILED"
    )


def test_a_set_carries_the_digest_of_what_was_looked_at() -> None:
    doors, containers = made()
    refused(lambda: containers.set(SET), "FAILED")
    (call,) = doors.called
    assert call.startswith("pct set 110 --memory 600 --digest ")
    assert len(call.split()[-1]) == 40


@pytest.mark.parametrize("failing", ["pct set 110 --mp0", "pct set 110 --protection 0"])
def test_protection_is_put_back_whatever_failed(failing: str) -> None:
    doors, containers = made(PLAIN + b"protection: 1\n")
    doors.does = {
        "pct set 110 --protection 0": lambda: doors.files.update({110: PLAIN}),
        "pct set 110 --protection 1": lambda: doors.files.update({110: PLAIN + b"protection: 1\n"}),
    }
    doors.fails[failing] = BROKEN
    refused(lambda: containers.set(MOUNT), "FAILED")
    assert doors.called[-1] == "pct set 110 --protection 1"
    assert b"protection: 1" in doors.files[110]


def test_protection_that_was_never_lifted_is_not_put_back() -> None:
    doors, containers = made(PLAIN + b"protection: 1\n")
    doors.fails["pct set 110 --protection 0"] = BROKEN
    refused(lambda: containers.set(MOUNT), "FAILED")
    assert len(doors.called) == 1


def test_both_failures_are_told_when_protection_cannot_be_put_back() -> None:
    doors, containers = made(PLAIN + b"protection: 1\n")
    doors.does["pct set 110 --protection 0"] = lambda: doors.files.update({110: PLAIN})
    doors.fails = {"pct set 110 --mp0": BROKEN, "pct set 110 --protection 1": WORSE}
    said = refused(lambda: containers.set(MOUNT), "FAILED")
    assert str(BROKEN) in said
    assert str(WORSE) in said


def test_protection_that_did_not_come_back_is_a_failure() -> None:
    doors, containers = made(PLAIN + b"protection: 1\n")
    doors.does = {
        "pct set 110 --protection 0": lambda: doors.files.update({110: PLAIN}),
        "pct set 110 --mp0": lambda: doors.files.update({110: b"mp0: /a,mp=/b\n" + PLAIN}),
    }
    said = refused(lambda: containers.set(MOUNT), "FAILED")
    assert "it is not protected afterwards" in said


def test_a_create_that_fails_tells_what_it_left() -> None:
    doors, containers = made(None)
    doors.fails["pct create"] = BROKEN
    assert refused(lambda: containers.create(CREATE), "FAILED") == str(BROKEN)
    doors.does["pct create"] = lambda: doors.files.update({110: b"lock: create\n"})
    said = refused(lambda: containers.create(CREATE), "FAILED")
    assert said.endswith("it left a configuration file behind")


@pytest.mark.parametrize("file", [b"lock: create\n" + PLAIN, b"memory: 512\n"])
def test_a_create_that_left_half_is_no_success(file: bytes) -> None:
    doors, containers = made(None)
    doors.does["pct create"] = lambda: doors.files.update({110: file})
    assert "not complete" in refused(lambda: containers.create(CREATE), "FAILED")


def test_a_start_that_fails_tells_whether_it_runs() -> None:
    doors, containers = made()
    start = act.StartContainer(110, ())
    doors.fails["pct start"] = BROKEN
    assert refused(lambda: containers.start(start), "FAILED") == str(BROKEN)
    doors.does["pct start"] = lambda: doors.alive.add(110)
    assert "it is running all the same" in refused(lambda: containers.start(start), "FAILED")
    doors.alive.clear()
    doors.does["pct start"] = lambda: setattr(doors, "lifeless", "cannot read sockets")
    assert "cannot read sockets" in refused(lambda: containers.start(start), "FAILED")


def test_a_start_that_claims_success_is_not_believed() -> None:
    _, containers = made()
    said = refused(lambda: containers.start(act.StartContainer(110, ())), "FAILED")
    assert "it is not running afterwards" in said


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (PLAIN + b"mp0: /srv/missing,mp=/m\n", "mp0: source /srv/missing: it does not exist"),
        (PLAIN + b"\n[pve:pending]\nmp3: /missing,mp=/m\n", "mp3: source /missing"),
        (PLAIN + b"mp1: /a=b,mp=/m\n", "PVE cannot read mp1"),
        (PLAIN + b"lxc.idmap: u 0 5 10\n", "/etc/subuid does not grant it"),
        (PLAIN + b"lxc.idmap: g 0 100000 65537\n", "/etc/subgid does not grant it"),
        (PLAIN + b"lxc.idmap: x 0 1\n", "LXC cannot read lxc.idmap 'x 0 1'"),
        (PLAIN + b"lxc.idmap: u 0 -1 1\n", "LXC cannot read lxc.idmap"),
    ],
)
def test_what_would_fail_without_a_word_is_said_before(file: bytes, reason: str) -> None:
    doors, containers = made(file)
    said = refused(lambda: containers.start(act.StartContainer(110, ())), "PREFLIGHT")
    assert reason in said
    assert doors.called == []


@pytest.mark.parametrize(
    "file",
    [
        PLAIN + b"mp0: s:subvol-110-disk-1,mp=/m\n",
        PLAIN + b"mp0: /dev/missing,mp=/m\n",
        PLAIN.replace(b"unprivileged: 1\n", b"") + b"lxc.cap.drop: x\n",
        PLAIN + b"mp0: /missing,mp=/m\n\n[pve:pending]\ndelete: mp0\n",
    ],
)
def test_what_is_not_a_directory_of_the_host_is_not_looked_for(file: bytes) -> None:
    doors, containers = made(file)
    doors.does["pct start"] = lambda: doors.alive.add(110)
    containers.start(act.StartContainer(110, ()))
    assert doors.called == ["pct start 110"]


def test_a_lock_that_comes_before_the_edit_is_respected() -> None:
    doors, containers = made()
    doors.meanwhile = lambda: doors.files.update({110: b"lock: backup\n" + PLAIN})
    refused(lambda: containers.set_idmap(IDMAP), "LOCKED")
    assert doors.files[110] == b"lock: backup\n" + PLAIN


def test_lines_that_come_before_the_edit_are_a_conflict() -> None:
    doors, containers = made()
    doors.meanwhile = lambda: doors.files.update({110: PLAIN + b"lxc.idmap: u 0 1 1\n"})
    refused(lambda: containers.set_idmap(IDMAP), "CONFLICT")
    assert b"u 0 100000" not in doors.files[110]


def test_an_edit_that_is_not_there_afterwards_is_a_failure() -> None:
    doors, containers = made()
    doors.edit = lambda number, change: None  # type: ignore[method-assign]
    assert "not written afterwards" in refused(lambda: containers.set_idmap(IDMAP), "FAILED")
