"""The agent as a service of systemd: its cage, its journal, its manners."""

from functools import partial
import json
from pathlib import Path
from typing import Any

import pytest

from integration.rig.machine import Machine
from integration.suites import ground
from integration.suites.desk import TRUST
from integration.suites.scene import Scene

PROBE = Path(__file__).resolve().parent / "probe.py"
AGENT = "offctl-agent"
# By a signal, and which (waitid(2): CLD_KILLED, SIGKILL).
KILLED = ("2", "9")


@pytest.fixture
def host(pair: Scene) -> Machine:
    return pair.host("off1")


def show(host: Machine, name: str, unit: str = AGENT) -> str:
    return host.out("systemctl", "show", "--value", "-p", name, unit)


def active(host: Machine, unit: str) -> bool:
    return show(host, "ActiveState", unit) == "active"


def drop_in(host: Machine, text: str) -> None:
    host.put(f"/etc/systemd/system/{AGENT}.service.d/test.conf", text)
    host.run("systemctl", "daemon-reload")


def journal(host: Machine, *match: str) -> list[dict[str, Any]]:
    """Entries of the journal; none is an answer too."""
    said = host.run("journalctl", "--no-pager", "-o", "json", *match, check=False).stdout
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def test_no_network_from_inside_the_unit(host: Machine) -> None:
    host.put("/root/probe.py", PROBE)
    probe = "ExecStartPre=/usr/bin/python3 /root/probe.py"
    drop_in(host, f"[Service]\n{probe} families\n")
    host.run("systemctl", "restart", AGENT)
    found = json.loads(host.text("/root/families.json"))
    assert found == {
        "AF_UNIX": "works",
        "AF_NETLINK": "works",
        "AF_INET": "EAFNOSUPPORT",
        "AF_INET6": "EAFNOSUPPORT",
        "AF_PACKET": "EAFNOSUPPORT",
        "AF_VSOCK": "EAFNOSUPPORT",
    }

    # The second wall, with the first one taken away.
    drop_in(host, f"[Service]\nRestrictAddressFamilies=\n{probe} packets coordinator off1\n")
    host.run("systemctl", "restart", AGENT)
    packets = json.loads(host.text("/root/packets.json"))
    assert packets == {"coordinator": "EPERM", "off1": "EPERM", "127.0.0.1": "EPERM"}
    # The probe is right about it: outside the unit they leave.
    host.run("python3", "/root/probe.py", "packets", "coordinator", "off1")
    assert set(json.loads(host.text("/root/packets.json")).values()) == {"works"}


def test_the_journal_can_be_searched_by_fields(pair: Scene, host: Machine) -> None:
    ground.set_property(host, "tank/images", "atime", "on")
    # The other entry of that origin says who had changed it.
    repaired = ("OFFCTL_ORIGIN=corrective", "OFFCTL_OUTCOME=done")
    host.until("the repair in the journal", lambda: bool(journal(host, *repaired)), every=1)
    entry = journal(host, *repaired)[-1]
    wanted = {
        "OFFCTL_HOST": "off1",
        "OFFCTL_SERIAL": "2",
        "OFFCTL_RESOURCE": "dataset tank/images",
        "OFFCTL_OUTCOME": "done",
        "SYSLOG_IDENTIFIER": AGENT,
        "_SYSTEMD_UNIT": f"{AGENT}.service",
    }
    assert {name: entry.get(name) for name in wanted} == wanted


def test_a_silent_agent_is_started_again(pair: Scene, host: Machine) -> None:
    drop_in(host, "[Service]\nWatchdogSec=15s\n")
    host.run("systemctl", "restart", AGENT)
    before = int(show(host, "MainPID"))
    host.run("kill", "-STOP", str(before))
    host.until("another process", lambda: int(show(host, "MainPID")) not in {0, before})
    host.until("an active unit", partial(active, host, AGENT))
    assert show(host, "NRestarts") == "1"
    assert "watchdog" in host.out("journalctl", "-u", AGENT, "-o", "cat").lower()
    pair.settle()


def test_a_crashed_courier_is_started_again(pair: Scene, host: Machine) -> None:
    host.run("systemctl", "kill", "-s", "KILL", "offctl-courier")
    host.until("a restart", lambda: show(host, "NRestarts", "offctl-courier") == "1")
    host.until("it to be ready", partial(active, host, "offctl-courier"))
    pair.settle()


def test_reload_keeps_the_process(pair: Scene, host: Machine) -> None:
    for name in (AGENT, "offctl-courier"):
        before = show(host, "MainPID", name)
        host.run("systemctl", "reload", name)
        # It says itself that it reloads, and that it has, after systemd's own command has ended.
        host.until("it to be ready", partial(active, host, name))
        assert show(host, "MainPID", name) == before
        pair.settle()


def test_the_coordinator_reloads_its_trust_root(pair: Scene) -> None:
    unit = "offctl-coordinator"
    before = show(pair.coordinator, "MainPID", unit)
    pair.coordinator.put("/etc/offctl/trust.toml", b"not a trust root")
    pair.coordinator.run("systemctl", "reload", unit, check=False)
    pair.settle()
    pair.coordinator.put("/etc/offctl/trust.toml", pair.desk.directory / TRUST)
    pair.coordinator.run("systemctl", "reload", unit)
    assert show(pair.coordinator, "MainPID", unit) == before
    pair.settle()


def test_it_stops_within_five_seconds_at_any_moment(pair: Scene, host: Machine) -> None:
    pair.write("many.toml", many(25))
    pair.sign_and_publish()
    # Everything is ten times slower here, systemd too: instead of 3 s it gets 10.
    drop_in(host, "[Service]\nTimeoutStopSec=10s\n")
    # From the first instruction of the interpreter to the middle of a run.
    for delay in ("0", "0.3", "1", "2", "3", "5", "8"):
        host.sh(f"systemctl start --no-block {AGENT}; sleep {delay}")
        host.run("systemctl", "stop", AGENT)
        end = (show(host, "ExecMainCode"), show(host, "ExecMainStatus"))
        assert end != KILLED, f"killed after {delay} s"
    host.run("systemctl", "start", AGENT)
    pair.settle()


def test_restarts_are_no_storm(pair: Scene, host: Machine) -> None:
    before = journal(host, "OFFCTL_OUTCOME=done")
    assert before
    for _ in range(4):
        host.run("systemctl", "restart", AGENT)
    pair.settle()
    assert journal(host, "OFFCTL_OUTCOME=done") == before
    assert journal(host, "OFFCTL_OUTCOME=failed") == []


def many(count: int) -> str:
    """A file of the site with so many more datasets on off1."""
    return "".join(
        f'[datasets."bulk-{number}"]\nplace.off1 = "tank/bulk-{number}"\n'
        for number in range(count)
    )
