"""A disk that neither works nor fails: whoever asks it hangs in the kernel and cannot be killed."""

import time

from integration.suites.cutting import Powered
from integration.suites.test_service import drop_in, show
from integration.suites.turns import AGENT, Turns

SAYS = "hangs in the kernel"
# Seconds: more than a run is ever silent on a busy machine; and long enough for another start, if
# there were any.
PATIENCE, MEANWHILE = 40, 120


def test_an_agent_that_hangs_is_waited_for_by_one_other_and_reported(
    turning: tuple[Turns, Powered],
) -> None:
    turns, powered = turning
    powered.start(cold=False)
    host = powered.machine
    turns.go_on(host)
    turns.settle()
    drop_in(host, f"[Service]\nWatchdogSec={PATIENCE}s\n")
    host.run("systemctl", "restart", AGENT)
    turns.settle()
    turns.deliver()
    powered.pool_disk.hang()
    turns.ring()
    host.until("another agent", lambda: SAYS in show(host, "StatusText"), timeout=600)
    restarts = show(host, "NRestarts")
    waiting = show(host, "MainPID")
    assert int(restarts) <= 2
    time.sleep(MEANWHILE)
    # No third one, and the one that waits is alive to its watchdog.
    assert (show(host, "NRestarts"), show(host, "MainPID")) == (restarts, waiting)
    assert show(host, "ActiveState") == "active"
    said = host.out("sh", "-c", "cat $(ls -t /var/lib/offctl/outbox/*.json | head -n 1)")
    assert SAYS in said
    assert '"HANGS"' in said or "[HANGS]" in said

    powered.pool_disk.go_on()
    turns.settle()
    assert show(host, "NRestarts") == restarts
    found = turns.survived()
    assert (found["lost"], found["damaged"], found["debts"]) == (False, [], [])
    assert turns.wrong()[:-1] == []
