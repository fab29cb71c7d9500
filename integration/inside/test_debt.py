"""The agent dies while a container's protection is lifted: PVE's flag comes back all the same.

Nobody asked for the flag in the text; a person set it, so only the debt knows that it is owed.
"""

from collections.abc import Iterator
import os
import signal

import pytest

from integration.inside import forking, guests
from integration.inside.days import Host

NUMBER = 130
MOUNT = '{ target = "/mnt/more", source = "/tank/more", dataset = "tank/more" }'
SITE = f"""
[[dataset]]
name = "tank/more"

[[container]]
id = {NUMBER}
run = "stopped"
template = "{guests.TEMPLATE}"
root = {{ storage = "tank-pve", size_gib = 1 }}
options = {{ hostname = "spare" }}
mount = [MOUNTS]
"""
WITH, WITHOUT = SITE.replace("MOUNTS", MOUNT), SITE.replace("MOUNTS", "")
LIFT, ADD, RESTORE = "--protection 0", "--mp0", "--protection 1"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    home = tmp_path_factory.mktemp("host")
    with forking.served(home), guests.real(home) as rig:
        made = Host(rig, home)
        assert made.run(WITHOUT).plan.steps == ()
        made.by_hand("pct", "set", str(NUMBER), "--protection", "1")
        yield made


def is_protected(host: Host) -> bool:
    return b"protection: 1\n" in host.rig.read(NUMBER)


def die(host: Host, way: str, call: str) -> None:
    """A run in a process of its own that is killed when it makes this call."""
    host.rig.damage(way, f"pct set {NUMBER} {call}")
    child = os.fork()
    if child == 0:
        try:
            host.run(WITH)
        finally:
            os._exit(0)
    _, ended = os.waitpid(child, 0)
    host.rig.mend()
    assert os.WIFSIGNALED(ended)
    assert os.WTERMSIG(ended) == signal.SIGKILL


@pytest.mark.parametrize("way", ["kills", "kills_instead"])
@pytest.mark.parametrize("call", [LIFT, ADD, RESTORE])
def test_killed_while_it_is_lifted(host: Host, way: str, call: str) -> None:
    assert is_protected(host)
    assert host.run(WITHOUT).plan.steps == ()
    die(host, way, call)
    # What outlived its caller ends first, as it does before a service starts again.
    host.rig.wait_for_pct()
    if way == "kills_instead":
        assert is_protected(host) == (call == LIFT)
    run = host.run(WITH)
    assert run.plan.steps == ()
    assert is_protected(host)
    assert b"mp0: /tank/more,mp=/mnt/more" in host.rig.read(NUMBER)
    assert run.debts == []
    assert host.memory().debts() == ()
    assert host.run(WITH).events == []
    # It was given back, not taken over: a person may still take it away.
    host.by_hand("pct", "set", str(NUMBER), "--protection", "0")
    assert host.run(WITH).events == []
    host.by_hand("pct", "set", str(NUMBER), "--protection", "1")


def test_what_cannot_be_given_back_stays_owed(host: Host) -> None:
    assert host.run(WITHOUT).plan.steps == ()
    die(host, "kills_instead", ADD)
    assert not is_protected(host)
    host.rig.damage("fails", f"pct set {NUMBER}")
    run = host.run(WITH)
    host.rig.mend()
    assert run.debts == [f"container {NUMBER} protection=1"]
    assert len(host.memory().debts()) == 1
    assert host.run(WITH).plan.steps == ()
    assert is_protected(host)
    assert host.memory().debts() == ()
