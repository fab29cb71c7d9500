"""Tunnels between two hosts, with real stunnel and systemd in real containers, by the real agents.

The tests of this file follow each other on the same two guests.
"""

from collections.abc import Iterator
from functools import partial
import re

import pytest

from integration.rig.control import GuestError
from integration.rig.fleet import Fleet
from integration.rig.golden import Golden
from integration.suites import stock
from integration.suites.linking import CONTAINERS, LINKS, Linked

AGENT = "offctl-agent"
SERVERS = {
    "redis/server/1": "loaded",
    "mongo/server/1": "loaded",
    "query/server/1": "loaded",
}
CLIENTS = {
    "redis/client/1": "proven",
    "mongo/client/1": "proven",
    "query/client/1": "proven",
}
INSIDE = "/etc/stunnel/offctl"
# A stand-in that tells of each call.
TOLD = """#!/bin/sh
echo "$@" >> /run/pct.calls
exec /usr/sbin/pct.real "$@"
"""


@pytest.fixture(scope="module")
def linked(hosts: Golden, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linked]:
    """Two empty hosts, and what they are to be in their inboxes."""
    with Fleet(stock.HARDWARE, hosts) as fleet:
        found = Linked(fleet, tmp_path_factory.mktemp("desk"))
        found.prepare()
        found.deliver()
        try:
            yield found
        finally:
            fleet.collect(stock.LOGS / "tunnels")


def wait(linked: Linked, serial: int, servers: dict[str, str], clients: dict[str, str]) -> None:
    """Until both hosts have a release and all of its tunnels are as they should be."""
    for host, ends in ((linked.off2, servers), (linked.ovh1, clients)):
        told = f"{ends} of release {serial}"
        host.until(told, partial(linked.settled, serial, host, ends), timeout=900)


def carries(linked: Linked) -> None:
    for link in LINKS:
        assert linked.ask(link, "hello") == "127.0.0.1:7000 hello", link


def test_two_empty_hosts_become_linked(linked: Linked) -> None:
    linked.each(lambda host: host.run("systemctl", "start", AGENT))
    linked.serve(linked.off2, 101)
    wait(linked, 1, SERVERS, CLIENTS)
    carries(linked)
    for host in linked.hosts.values():
        assert "failed: " not in host.out("journalctl", "-o", "cat", "-u", AGENT)


def test_keys_are_for_root_and_stunnel_of_the_container_and_nobody_can_write_them(
    linked: Linked,
) -> None:
    for name, host in linked.hosts.items():
        number = CONTAINERS[name]
        group = linked.inside(host, number, "getent", "group", "stunnel4").split(":")[2]
        below = f"/var/lib/offctl/tunnels/{number}/off/psk"
        told = host.sh(f"stat -c '%a %u %g' {below}/*.txt").stdout.split("\n")
        assert {line for line in told if line} == {f"640 100000 {100000 + int(group)}"}
        for command in (
            f"echo x > {INSIDE}/off/off.conf",
            f"touch {INSIDE}/new",
            f"mount -o remount,rw {INSIDE}",
            f"mv {INSIDE}/off {INSIDE}/away",
        ):
            done = linked.inside(host, number, "sh", "-c", f"{command} 2>&1 && echo DONE || true")
            assert "DONE" not in done, command


def test_a_quiet_cycle_starts_no_program_for_tunnels(linked: Linked) -> None:
    host = linked.ovh1
    host.run("mv", "/usr/sbin/pct", "/usr/sbin/pct.real")
    host.put("/usr/sbin/pct", TOLD, mode=0o755)
    since = host.out("date", "+%s")
    began = linked.report(host)["sequence"]
    host.until("three runs", lambda: linked.report(host)["sequence"] > began + 3, timeout=300)
    assert host.run("cat", "/run/pct.calls", check=False).stdout == ""
    started = host.out("journalctl", "-o", "cat", "--since", f"@{since}", "_PID=1")
    assert not re.findall(r"run-\S+\.service", started)
    host.run("mv", "/usr/sbin/pct.real", "/usr/sbin/pct")


def test_a_key_is_rotated_without_a_cut(linked: Linked) -> None:
    both = {"redis/server/2": "loaded", **SERVERS}
    after = {"redis/client/2": "proven"} | {k: v for k, v in CLIENTS.items() if "redis" not in k}
    last = {k: v for k, v in both.items() if k != "redis/server/1"}
    for rotation, servers, clients in (
        ("accept", both, CLIENTS),
        ("switch", both, after),
        ("", last, after),
    ):
        linked.phase("redis", 2, rotation)
        wait(linked, linked.deliver(), servers, clients)
        carries(linked)


def test_an_upgrade_of_the_package_inside_leaves_it_working(linked: Linked) -> None:
    """What dpkg does: unpacks, runs the package's script, and has systemd read everything again."""
    postinst = linked.ovh1.text("/var/lib/dpkg/info/stunnel4.postinst")
    called = "DPKG_MAINTSCRIPT_NAME=postinst DPKG_MAINTSCRIPT_PACKAGE=stunnel4"
    script = f"cat > /tmp/postinst; {called} sh /tmp/postinst configure 3:5.50-3"
    for host, number in ((linked.off2, 101), (linked.ovh1, 113), (linked.ovh1, 0)):
        was = linked.inside(host, number, "readlink", "/etc/stunnel/off.conf")
        linked.inside(host, number, "sh", "-c", script, stdin=postinst)
        linked.inside(host, number, "systemctl", "daemon-reload")
        linked.inside(host, number, "systemctl", "restart", "stunnel@off")
        assert linked.inside(host, number, "readlink", "/etc/stunnel/off.conf") == was
        assert linked.inside(host, number, "systemctl", "is-enabled", "stunnel@off") == "enabled\n"
    linked.ovh1.until("the links", partial(_all_answer, linked), timeout=60)


def test_a_killed_stunnel_comes_back_by_itself(linked: Linked) -> None:
    for host, number in ((linked.off2, 101), (linked.ovh1, 113)):
        linked.inside(host, number, "systemctl", "kill", "-s", "KILL", "stunnel@off")
    linked.ovh1.until("redis", lambda: linked.ask("redis", "back").endswith("back"), timeout=60)


def test_an_address_that_comes_late_is_listened_at(linked: Linked) -> None:
    """stunnel was started, found no such address and goes on trying: nobody has to come."""
    host = linked.ovh1
    linked.inside(host, 113, "ip", "address", "flush", "dev", "eth0")
    linked.inside(host, 113, "systemctl", "restart", "stunnel@off")
    host.until("its failure", lambda: _state(linked) == "auto-restart", timeout=60)
    linked.inside(host, 113, "systemctl", "restart", "network-up")
    host.until("redis", lambda: linked.ask("redis", "late").endswith("late"), timeout=60)


def test_an_agent_killed_in_the_middle_of_a_trial_goes_on(linked: Linked) -> None:
    """Its trial runs on, and has the unit's name, until the next run ends it."""
    linked.phase("mongo", 2, "accept")
    serial = linked.deliver()
    below = "/var/lib/offctl/tunnels/101/off"
    linked.off2.sh(
        f"while [ ! -e {below}/trial/off.conf ]; do sleep 0.05; done;"
        f"systemctl kill -s KILL {AGENT}; ls {below}/trial",
        timeout=900,
    )
    assert linked.ask("mongo", "before anybody comes").endswith("before anybody comes")
    servers = {
        "mongo/server/1": "loaded",
        "mongo/server/2": "loaded",
        "query/server/1": "loaded",
        "redis/server/2": "loaded",
    }
    linked.off2.until("it", lambda: linked.settled(serial, linked.off2, servers), timeout=900)
    assert linked.off2.run("ls", f"{below}/trial", check=False).code
    carries(linked)


def test_either_side_boots_in_either_order(linked: Linked) -> None:
    """The server's host loses its power, and comes back; then the client's comes back before it."""
    linked.each(lambda host: host.run("sync"))
    linked.off2.power_cycle()
    linked.route(linked.off2)
    linked.ovh1.until("the server", partial(_all_answer, linked), timeout=600)
    linked.off2.run("sync")
    linked.off2.kill()
    assert linked.ask("mongo", "nobody there") == ""
    linked.ovh1.power_cycle()
    linked.route(linked.ovh1)
    linked.off2.boot()
    linked.route(linked.off2)
    linked.ovh1.until("both", partial(_all_answer, linked), timeout=600)


def _state(linked: Linked) -> str:
    words = ("systemctl", "show", "-p", "SubState", "--value", "stunnel@off")
    return linked.inside(linked.ovh1, 113, *words).strip()


def _all_answer(linked: Linked) -> bool:
    """Containers start one after the other; what is not there yet does not answer."""
    try:
        return all(linked.ask(link, "up").endswith("up") for link in LINKS)
    except GuestError:
        return False
