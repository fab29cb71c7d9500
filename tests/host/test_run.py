"""The door through which programs are started, with real programs."""

import os
from pathlib import Path
import signal
import sys
import time

import pytest

from offctl.errors import HostError
from offctl_agent.host import run as door


def shell(script: str, *arguments: str, timeout: float = 20, grace: float = 5) -> door.Finished:
    return door.run(["sh", "-c", script, "sh", *arguments], timeout=timeout, grace=grace)


def failing(script: str, *, timeout: float = 20, grace: float = 5) -> HostError:
    with pytest.raises(HostError) as caught:
        shell(script, timeout=timeout, grace=grace)
    return caught.value


def ended(pid: int) -> bool:
    """Whether a process is gone, or only waits to be collected by whoever inherited it."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    return status.rpartition(")")[2].split()[0] in "ZX"


def eventually_ended(pid: int) -> bool:
    until = time.monotonic() + 5
    while not ended(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_status_and_both_outputs_come_back_whole() -> None:
    done = shell("printf 'a\\0\\377b'; printf 'bad \\377' >&2; exit 3")
    assert (done.status, done.stdout, done.stderr) == (3, b"a\0\xffb", "bad \\xff")


def test_no_word_is_ever_read_by_a_shell() -> None:
    words = ("$(id)", "a b", "*", "-n", "'", ";true")
    done = door.run(["printf", "%s\\n", *words], timeout=20)
    assert done.stdout.decode().splitlines() == list(words)


def test_the_environment_is_ours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("SECRET", "x")
    seen = dict(
        line.split("=", 1) for line in door.run(["env"], timeout=20).stdout.decode().splitlines()
    )
    assert seen == {"LC_ALL": "C.UTF-8", "PATH": door.PATH}


def test_nothing_can_be_read_and_nothing_of_ours_is_open() -> None:
    secret = os.open("/etc/hostname", os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        done = shell("cat; ls -l /proc/self/fd | wc -l; pwd")
    finally:
        os.close(secret)
    # "total", 0, 1, 2 and the directory that ls itself reads.
    assert done.stdout.split() == [b"5", b"/"]


def test_it_is_the_leader_of_its_own_session() -> None:
    done = door.run(
        [sys.executable, "-c", "import os; print(os.getsid(0) == os.getpid())"], timeout=60
    )
    assert done.stdout == b"True\n"


def test_a_grandchild_that_lives_on_holds_nobody() -> None:
    begun = time.monotonic()
    done = shell("sleep 60 & echo $!")
    assert time.monotonic() - begun < 10
    pid = int(done.stdout)
    assert not ended(pid)
    os.kill(pid, signal.SIGKILL)


def test_a_late_command_is_asked_to_end() -> None:
    error = failing("trap 'echo cleaned >&2; exit 1' TERM; sleep 60 & wait", timeout=0.5)
    assert error.code == "TIMEOUT"
    assert "did not end within 0.5 seconds; it was asked to end, and did" in str(error)
    assert error.evidence == "cleaned"


def test_what_a_late_command_started_ends_with_it(tmp_path: Path) -> None:
    failing(f"sleep 60 & echo $! > {tmp_path}/pid; wait", timeout=0.5)
    assert eventually_ended(int((tmp_path / "pid").read_text()))


def test_who_ignores_that_is_killed_and_it_is_said() -> None:
    error = failing("trap '' TERM; while :; do sleep 0.1; done", timeout=0.3, grace=0.5)
    assert error.code == "TIMEOUT"
    assert "ignored SIGTERM for 0.5 seconds and was killed" in str(error)


def test_output_is_bounded() -> None:
    error = failing("exec yes")
    assert error.code == "FAILED"
    assert f"more than {door.MAX_OUTPUT} bytes" in str(error)


def test_much_output_in_a_moment_is_refused_too() -> None:
    error = failing(f"head -c {door.MAX_OUTPUT + 1} /dev/zero >&2")
    assert f"more than {door.MAX_OUTPUT} bytes" in str(error)


def test_a_signal_is_a_negative_status() -> None:
    assert shell("kill -KILL $$").status == -signal.SIGKILL


def test_signs_of_life_while_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "TURN", 0.05)
    beats: list[int] = []
    door.run(["sleep", "0.5"], timeout=20, alive=lambda: beats.append(1))
    assert len(beats) >= 3


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["offctl-no-such-program"], "there is no program"),
        (["/etc"], "denied"),
        (["/etc/passwd"], "denied"),
        (["echo", "a\0b"], "null byte"),
        (["echo", "x" * (4 * 1024**2)], "too long"),
    ],
)
def test_what_cannot_be_started(argv: list[str], said: str) -> None:
    with pytest.raises(HostError) as caught:
        door.run(argv, timeout=20)
    assert caught.value.code == "FAILED"
    assert str(caught.value).startswith("cannot run ")
    assert said in str(caught.value)


def test_programs_are_looked_for_where_it_is_said(tmp_path: Path) -> None:
    program = tmp_path / "zfs"
    program.write_text("#!/bin/sh\necho mine\n")
    program.chmod(0o755)
    assert door.run(["zfs"], timeout=20, path=f"{tmp_path}:{door.PATH}").stdout == b"mine\n"


def test_no_files_are_left_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        shell("true")
        with pytest.raises(HostError):
            door.run(["offctl-no-such-program"], timeout=20)
    assert len(os.listdir("/proc/self/fd")) == before


def test_of_much_output_the_end_is_kept_when_that_is_asked_for() -> None:
    script = "yes | head -c 40000000; printf end"
    done = door.run(["sh", "-c", script], timeout=20, last=1000)
    assert done.stdout.endswith(b"y\nend")
    assert 1000 <= len(done.stdout) < 1000 + (1 << 17)


def test_a_grandchild_that_goes_on_talking_into_the_pipe_holds_nobody() -> None:
    began = time.monotonic()
    done = door.run(
        ["sh", "-c", "setsid sh -c 'while sleep 0.1; do echo more; done' & echo $!"],
        timeout=20,
        last=1000,
    )
    assert time.monotonic() - began < 5
    os.kill(int(done.stdout.split()[0]), signal.SIGKILL)


def test_a_program_that_never_stops_talking_is_stopped_and_we_stay_alive() -> None:
    heard: list[float] = []
    with pytest.raises(HostError) as caught:
        door.run(
            ["yes"], timeout=2.5, last=1000, grace=1, alive=lambda: heard.append(time.monotonic())
        )
    assert caught.value.code == "TIMEOUT"
    assert len(heard) >= 2
