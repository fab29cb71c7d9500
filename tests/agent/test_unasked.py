"""What somebody changed is told once, apart, and with whoever did it, as far as that is known."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.scenario import Crash, Interrupted, Scene
from offctl.report import Unasked
from offctl_agent.converge import Run
from offctl_agent.host.protocol import Host

NOW = datetime.now(UTC).replace(microsecond=0)
EVE = "UPID:off2:0000ABCD:00012345:{time:08X}:{how}:{number}:{who}: {time:08X} {status}\n"


class Story:
    """A host that was right a minute ago; everything below happens since."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        last = NOW - timedelta(minutes=2)
        scene.run(now=last)
        scene.state().next_stream(0, last)
        # It was made just now; let that be long ago.
        self.log.write_text("")
        (scene.directory / "host/zfs/history/zfs-hdd").write_text("")

    @property
    def log(self) -> Path:
        return self.scene.directory / "host/var/log/pve/tasks/index"

    def stop(self, **task: object) -> None:
        """Somebody stops 113, which the log tells as `task`."""
        self.scene.by_hand("pct", "stop", "113")
        self.log.write_text("")
        if task:
            self.task("vzstop", **task)  # type: ignore[arg-type]

    def task(
        self, how: str, number: int = 113, who: str = "alice@pve", status: str = "OK", ago: int = 9
    ) -> None:
        at = int((NOW - timedelta(seconds=ago)).timestamp())
        text = EVE.format(time=at, how=how, number=number, who=who, status=status)
        with self.log.open("a") as file:
            file.write(text)

    def run(self, host: Host | None = None, *, observe_only: str = "") -> Run:
        # What was done by hand was done now, not when these tests were read.
        now = datetime.now(UTC) + timedelta(seconds=1)
        return self.scene.run(host, now=now, observe_only=observe_only)

    def told(self, *, observe_only: str = "") -> list[Unasked]:
        return list(self.run(observe_only=observe_only).unasked)


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    scene = Scene.make(tmp_path_factory.mktemp("right") / "one")
    scene.run(now=NOW - timedelta(minutes=3))
    return scene


@pytest.fixture
def story(right: Scene, tmp_path: Path) -> Story:
    return Story(right.copy(tmp_path / "copy"))


def test_nothing_is_told_of_what_was_asked_for(story: Story) -> None:
    assert story.told() == []
    story.scene.state().keep_unasked(story.scene.state().unasked())
    text = story.scene.desired
    assert text.containers
    assert story.scene.state().unasked().lately == ()


def test_who_stopped_a_container(story: Story) -> None:
    story.stop(who="alice@pve")
    [told] = story.told()
    assert (told.field, told.observed, told.desired) == ("run", "stopped", "running")
    assert (told.who, told.how, told.untold) == ("alice@pve", "vzstop", "")
    assert told.time == (NOW - timedelta(seconds=9)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert told.since < told.time < told.found
    assert "vzstop by alice@pve at " in told.words


def test_it_is_told_once_and_again_when_it_happens_again(story: Story) -> None:
    story.scene.by_hand("pct", "stop", "113")
    assert len(story.told()) == 1
    assert story.told() == []
    story.scene.by_hand("pct", "stop", "113")
    assert len(story.told()) == 1
    assert len(story.scene.state().unasked().lately) == 2


def test_what_stays_different_is_not_told_again(story: Story) -> None:
    story.scene.by_hand("pct", "stop", "113")
    assert len(story.told(observe_only="the release has expired")) == 1
    assert story.told(observe_only="the release has expired") == []
    assert story.told() == []


def test_a_container_that_ended_by_itself_is_nobodys_doing(story: Story) -> None:
    story.stop(number=114, ago=40)
    story.task("vzstart", who="root@pam", ago=50)
    [told] = story.told()
    assert told.who == ""
    assert told.untold == "no task of PVE stopped it: it ended by itself, or from inside"


@pytest.mark.parametrize(
    "task",
    [
        {"how": "vzstop", "status": "CT is locked"},
        {"how": "vzstop", "ago": 3600},
        {"how": "vzstop", "ago": -3600},
        {"how": "vzdump"},
    ],
)
def test_tasks_that_did_not_do_it(story: Story, task: dict[str, object]) -> None:
    story.stop()
    story.task(**task)  # type: ignore[arg-type]
    [told] = story.told()
    assert told.who == ""


def test_an_option_is_told_of_although_pve_keeps_no_task(story: Story) -> None:
    story.scene.by_hand("pct", "set", "113", "--cores", "2")
    [told] = story.told()
    assert (told.field, told.observed, told.desired) == ("cores", "2", "8")
    assert (told.who, told.untold) == ("", "PVE keeps no task of it")


def test_a_rollback_that_brought_an_old_file(story: Story) -> None:
    story.scene.by_hand("pct", "set", "113", "--cores", "2")
    story.task("vzrollback", who="bob@pam")
    [told] = story.told()
    assert (told.who, told.how) == ("bob@pam", "vzrollback")


def test_who_set_a_property(story: Story) -> None:
    story.scene.by_hand("zfs", "set", "atime=on", "zfs-hdd/off/images")
    [told] = story.told()
    assert (told.resource, told.field, told.observed) == (
        "dataset zfs-hdd/off/images",
        "atime",
        "on",
    )
    assert (told.who, told.how) == ("root on off2", "zfs set")


def test_our_own_command_is_not_blamed(story: Story) -> None:
    story.scene.by_hand("zfs", "set", "atime=off", "zfs-hdd/off/images")
    story.scene.by_hand("zfs", "inherit", "atime", "zfs-hdd/off/images")
    [told] = story.told()
    assert told.how == "zfs inherit"


def test_who_renamed_a_dataset(story: Story) -> None:
    story.scene.by_hand("zfs", "rename", "zfs-hdd/off/images", "zfs-hdd/off/pictures")
    told = {(t.resource, t.field): t for t in story.told()}
    found = told["dataset zfs-hdd/off/images", "exists"]
    assert (found.how, found.who) == ("zfs rename", "root on off2")


def test_mounts_leave_no_record(story: Story) -> None:
    story.scene.by_hand("zfs", "unmount", "zfs-hdd/off/images")
    [told] = [t for t in story.told() if t.field == "mounted"]
    assert told.untold == "ZFS keeps no record of mounts"


def test_records_that_cannot_be_read_are_no_reason_to_stop(story: Story) -> None:
    story.scene.by_hand("zfs", "set", "atime=on", "zfs-hdd/off/images")
    history = story.scene.directory / "host/zfs/history/zfs-hdd"
    history.unlink()
    history.mkdir()
    run = story.run()
    [told] = run.unasked
    assert "cannot read" in told.untold
    assert [event.outcome for event in run.events] == ["done"]


@pytest.mark.parametrize("having_done", [False, True])
def test_a_kill_while_it_is_repaired_loses_nothing(story: Story, having_done: bool) -> None:
    story.scene.by_hand("pct", "stop", "113")
    host = Interrupted(story.scene.simulated(), at=1, having_done=having_done)
    with pytest.raises(Crash):
        story.run(host)
    assert story.told() == []
    [told] = story.scene.state().unasked().lately
    assert told.field == "run"


def test_what_our_own_interrupted_step_left_is_nobodys_doing(story: Story) -> None:
    story.scene.by_hand("zfs", "set", "atime=on", "zfs-hdd/off/images")
    host = Interrupted(story.scene.simulated(), at=1)
    with pytest.raises(Crash):
        story.run(host)
    lately = story.scene.state().unasked().lately
    story.scene.state().keep_unasked(type(story.scene.state().unasked())())
    assert len(lately) == 1
    assert story.told() == []


def test_a_clock_that_was_ahead_hides_nobody(story: Story) -> None:
    story.scene.state().next_stream(0, NOW + timedelta(days=3650))
    story.stop(ago=1)
    [told] = story.told()
    assert told.who == "alice@pve"


def test_a_damaged_memory_is_set_aside(story: Story) -> None:
    (story.scene.directory / "agent/unasked").write_text("not ours")
    story.scene.by_hand("pct", "stop", "113")
    assert len(story.told()) == 1


def test_hostile_names_stay_one_line(story: Story) -> None:
    story.stop(who="\x1b]0;pwned\x07@pve", ago=1)
    [told] = story.told()
    assert told.who == "\\x1b]0;pwned\\x07@pve"
