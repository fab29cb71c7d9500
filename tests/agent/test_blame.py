"""Which of the records between two looks can have led to what is seen."""

from datetime import UTC, datetime, timedelta

import pytest

from offctl.report import Difference
from offctl_agent import blame
from offctl_agent.host.traces import Trace

AFTER = datetime(2026, 3, 4, 5, 0, tzinfo=UTC)
BEFORE = AFTER + timedelta(minutes=5)
NOBODY = ""

STOPPED = Difference("run", "stopped", "running")
STARTED = Difference("run", "running", "stopped")
CORES = Difference("cores", "2", "8")
GONE = Difference("exists", "absent", "yes")
ATIME = Difference("atime", "on", "off")
UNMOUNTED = Difference("mounted", "not mounted", "/tank/off")


def trace(how: str, target: str, minute: int = 1, *, values: str = "", deep: bool = False) -> Trace:
    pairs = [pair.partition("=") for pair in values.split()]
    given = tuple((key, value) for key, _, value in pairs)
    return Trace(AFTER + timedelta(minutes=minute), f"who{minute}", how, target, given, deep)


def found(key: str, difference: Difference, *among: Trace) -> str:
    told, untold = blame.find(key, difference, among, AFTER, BEFORE)
    assert (told is None) is bool(untold)
    return told.how if told else NOBODY


@pytest.mark.parametrize(
    ("difference", "how", "expected"),
    [
        (STOPPED, "vzstop", True),
        (STOPPED, "vzshutdown", True),
        (STOPPED, "vzstart", False),
        (STOPPED, "vzdump", False),
        (STARTED, "vzstart", True),
        (STARTED, "vzreboot", True),
        (STARTED, "vzstop", False),
        (CORES, "vzrollback", True),
        (CORES, "vzstop", False),
        (GONE, "vzdestroy", True),
        (GONE, "vzmigrate", True),
        (CORES, "vzrestore", True),
        (CORES, "vzcreate", False),
        (GONE, "vzstop", False),
    ],
)
def test_tasks(difference: Difference, how: str, *, expected: bool) -> None:
    assert found("container 113", difference, trace(how, "113")) == (how if expected else NOBODY)
    assert found("container 114", difference, trace(how, "113")) == NOBODY
    assert found("mount 113:/mnt/off", difference, trace(how, "113")) == (
        how if expected else NOBODY
    )


def test_whoever_makes_a_container_anew_made_it_different() -> None:
    """And what we made in the run that looked last is no sign of who changed it since."""
    made, gone = trace("vzcreate", "113", 2), trace("vzdestroy", "113", 1)
    assert found("container 113", CORES, made, gone) == "vzcreate"
    assert found("container 113", CORES, made, trace("vzdestroy", "113", 3)) == NOBODY
    assert found("container 113", CORES, made, trace("vzdestroy", "114", 1)) == NOBODY
    assert found("container 113", CORES, made, trace("vzrollback", "113", 3)) == "vzrollback"


@pytest.mark.parametrize(
    ("difference", "record", "expected"),
    [
        (ATIME, trace("zfs set", "tank/off", values="atime=on"), True),
        (ATIME, trace("zfs set", "tank/off", values="exec=on atime=on"), True),
        (ATIME, trace("zfs set", "tank/off", values="atime=off"), False),
        (ATIME, trace("zfs set", "tank/off", values="exec=on"), False),
        (ATIME, trace("zfs set", "tank", values="atime=on"), False),
        (ATIME, trace("zfs set", "tank/of", values="atime=on"), False),
        (ATIME, trace("zfs inherit", "tank", values="atime", deep=True), True),
        (ATIME, trace("zfs receive", "tank/off"), True),
        (ATIME, trace("zfs rollback", "tank/off"), True),
        (ATIME, trace("zfs rename", "tank/off"), False),
        (GONE, trace("zfs rename", "tank/off"), True),
        (GONE, trace("zfs destroy", "tank"), True),
        (GONE, trace("zfs destroy", "tank/other"), False),
        (GONE, trace("zfs set", "tank/off", values="atime=on"), False),
        (UNMOUNTED, trace("zfs set", "tank", values="canmount=off"), True),
        (UNMOUNTED, trace("zfs set", "tank/off", values="mountpoint=none"), True),
        (UNMOUNTED, trace("zfs rename", "tank/off"), True),
        (UNMOUNTED, trace("zfs set", "tank/off", values="atime=on"), False),
        (UNMOUNTED, trace("zfs set", "tank/off/below", values="canmount=off"), False),
    ],
)
def test_commands(difference: Difference, record: Trace, *, expected: bool) -> None:
    assert found("dataset tank/off", difference, record) == (record.how if expected else NOBODY)


@pytest.mark.parametrize("minute", [-1, 6])
def test_what_is_not_between_the_looks_is_no_cause(minute: int) -> None:
    assert found("container 113", STOPPED, trace("vzstop", "113", minute)) == NOBODY


def test_the_newest_counts_in_whatever_order_they_come() -> None:
    one, two = trace("vzstop", "113", 1), trace("vzshutdown", "113", 2)
    assert found("container 113", STOPPED, two, one) == "vzshutdown"
    started = trace("vzstart", "113", 3)
    assert found("container 113", STOPPED, started, two, one) == NOBODY


def test_of_other_things_nobody_keeps_a_record() -> None:
    told, untold = blame.find("directory /tank/off", GONE, (), AFTER, BEFORE)
    assert (told, untold) == (None, "nothing on this host records who changes it")


def test_only_what_has_records_is_asked_for() -> None:
    keys = ["dataset tank/a", "dataset tank/b", "dataset other", "container 113", "directory /x"]
    assert list(blame.pools(keys)) == ["tank", "other"]
    assert [blame.container(key) for key in keys] == ["", "", "", "113", ""]
