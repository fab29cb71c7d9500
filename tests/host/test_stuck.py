"""Who was killed and cannot die, as /proc and the control groups say it."""

import os
from pathlib import Path

import pytest

from offctl_agent.host import stuck

SERVICE = "0::/system.slice/offctl-agent.service\n"
KILLED, SHARED, ALIVE = "0000000000000100", "0000000000000101", "0000000000004000"


class Kernel:
    """A made up /proc and /sys/fs/cgroup; `process` adds one to our service."""

    def __init__(self, directory: Path, group: str = SERVICE, name: str = "offctl-agent") -> None:
        self.proc, self.groups = directory / "proc", directory / "cgroup"
        self._members = self.groups / "system.slice/offctl-agent.service/cgroup.procs"
        self._members.parent.mkdir(parents=True)
        self._members.write_text(f"{os.getpid()}\n")
        own = self.proc / "self"
        own.mkdir(parents=True)
        (own / "cgroup").write_text(group)
        (own / "comm").write_text(f"{name}\n")

    def process(
        self, number: int, name: str, own: str = "0" * 16, shared: str = "0" * 16
    ) -> "Kernel":
        self._members.write_text(f"{self._members.read_text()}{number}\n")
        process = self.proc / str(number)
        process.mkdir()
        (process / "comm").write_text(f"{name}\n")
        (process / "status").write_text(
            f"Name:\t{name}\nState:\tD (disk sleep)\nSigQ:\t1/3800\nSigPnd:\t{own}\n"
            f"ShdPnd:\t{shared}\nSigBlk:\t{KILLED}\nSigIgn:\t{KILLED}\n"
        )
        return self

    def of(self, program: str) -> tuple[int, ...]:
        return stuck.of(program, self.proc, self.groups)

    def agents(self) -> tuple[int, ...]:
        return stuck.agents(self.proc, self.groups)


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


def test_who_was_killed_and_is_still_there(kernel: Kernel) -> None:
    kernel.process(30, "zfs", own=KILLED).process(20, "zfs", shared=SHARED)
    kernel.process(40, "zpool", shared=KILLED).process(50, "offctl-agent", shared=KILLED)
    assert kernel.of("/usr/sbin/zfs") == (20, 30)
    assert kernel.of("zpool") == (40,)
    assert kernel.agents() == (50,)
    assert kernel.of("pct") == ()


def test_a_long_name_is_known_by_what_the_kernel_keeps_of_it(kernel: Kernel) -> None:
    kernel.process(30, "a-program-of-a-", shared=KILLED)
    assert kernel.of("/opt/a-program-of-a-long-name") == (30,)


@pytest.mark.parametrize("mask", ["0" * 16, ALIVE, "0000000000000200"])
def test_who_only_waits_is_not_meant(kernel: Kernel, mask: str) -> None:
    assert kernel.process(30, "zfs", own=mask, shared=mask).of("zfs") == ()


def test_we_ourselves_are_not_meant(kernel: Kernel) -> None:
    kernel.process(os.getpid(), "offctl-agent", shared=KILLED)
    assert kernel.agents() == ()


@pytest.mark.parametrize(
    "group", ["0::/user.slice/user-0.slice/session-3.scope\n", "0::/\n", "", "1:name=systemd:/\n"]
)
def test_outside_a_service_nobody_is(tmp_path: Path, group: str) -> None:
    kernel = Kernel(tmp_path, group).process(30, "offctl-agent", shared=KILLED)
    assert kernel.agents() == ()


def test_one_that_is_gone_meanwhile(kernel: Kernel) -> None:
    kernel.process(30, "zfs", shared=KILLED).process(31, "zfs", shared=KILLED)
    (kernel.proc / "30" / "comm").unlink()
    (kernel.proc / "31" / "status").unlink()
    assert kernel.of("zfs") == ()


def test_where_nothing_can_be_read(tmp_path: Path) -> None:
    assert stuck.of("zfs", tmp_path / "proc", tmp_path / "cgroup") == ()
    assert stuck.agents(tmp_path / "proc", tmp_path / "cgroup") == ()


def test_on_this_very_machine_nobody_is() -> None:
    assert stuck.agents() == ()


def test_it_is_said_who() -> None:
    assert stuck.told("an earlier zfs", (7, 8)) == (
        "an earlier zfs was killed and hangs in the kernel (process 7, 8)"
    )
