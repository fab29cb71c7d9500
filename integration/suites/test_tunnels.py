"""Tunnels between two hosts, with real stunnel and systemd in real containers, by the real agents.

The tests of this file follow each other on the same two guests.
"""

import re

from integration.suites.linking import AGENT, CLIENTS, CONTAINERS, SERVERS, Linked

INSIDE = "/etc/stunnel/offctl"
# A stand-in that tells of each call.
TOLD = """#!/bin/sh
echo "$@" >> /run/pct.calls
exec /usr/sbin/pct.real "$@"
"""


def test_two_empty_hosts_become_linked(linked: Linked) -> None:
    linked.begin()
    linked.carry()
    for host in linked.hosts.values():
        # A starved stunnel may need more than the five seconds it has: that is tried again.
        assert "a mistake of offctl" not in host.out("journalctl", "-o", "cat", "-u", AGENT)


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


def test_a_key_is_rotated_and_carries_data_after_every_phase(linked: Linked) -> None:
    both = {"redis/server/2": "loaded", **SERVERS}
    after = {"redis/client/2": "proven"} | {k: v for k, v in CLIENTS.items() if "redis" not in k}
    last = {k: v for k, v in both.items() if k != "redis/server/1"}
    for rotation, servers, clients in (
        ("accept", both, CLIENTS),
        ("switch", both, after),
        ("", last, after),
    ):
        linked.phase("redis", 2, rotation)
        linked.wait(linked.deliver(), servers, clients)
        linked.carry()
