"""Tunnels between two hosts, with real stunnel and systemd in real containers, by the real agents.

The tests of this file follow each other on the same two guests.
"""

from functools import partial
import re

from integration.rig.machine import Machine
from integration.suites import stock
from integration.suites.linking import AGENT, CLIENTS, CONTAINERS, SERVERS, Linked
from integration.suites.overheard import dumps_allowed, look_through

INSIDE = "/etc/stunnel/offctl"
# A stand-in that tells of each call.
TOLD = """#!/bin/sh
echo "$@" >> /run/pct.calls
exec /usr/sbin/pct.real "$@"
"""
LEGACY = """
[tunnels.legacy]
service = "Legacy"
from = { container = "stunnel-client", accept = "10.82.0.113:7777" }
to = { container = "proxy", accept = 7777, address = "10.81.0.101:7777" }
target = "127.0.0.1:7000"
instance = "old"
"""
# As people set one up: foreground, a file of keys for root alone, Debian's own unit.
HEAD = """\
foreground = yes
setuid = stunnel4
setgid = stunnel4
pid =
ciphers = PSK
"""
MADE = "wasmadebyhandandsentbymail0815"
PSK = "PSKsecrets = /etc/stunnel/legacy/psk.txt\n"
BY_HAND = """\
cat > /etc/stunnel/old.conf
mkdir /etc/stunnel/legacy /etc/systemd/system/stunnel@old.service.d
printf '[Service]\\nPrivateTmp=no\\n' > /etc/systemd/system/stunnel@old.service.d/here.conf
umask 077
echo legacy:{key} > /etc/stunnel/legacy/psk.txt
systemctl enable --now stunnel@old 2>&1
"""
TRACES = """\
cd /etc/stunnel; stat -c '%n %i %a %u %g %Y %Z' old.conf legacy legacy/psk.txt
sha256sum old.conf legacy/psk.txt; systemctl show -p MainPID -p NRestarts stunnel@old
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


def test_what_people_made_is_kept_until_it_is_handed_over(linked: Linked) -> None:
    """A stunnel by hand at both ends: proven, never touched; then, by the manual, one of ours."""
    made = {
        (linked.off2, 101): "[Legacy]\naccept = 7777\nconnect = 127.0.0.1:7000\n",
        (linked.ovh1, 113): "[Legacy]\nclient = yes\naccept = 10.82.0.113:7777\n"
        "connect = 10.81.0.101:7777\n",
    }
    for (host, number), section in made.items():
        script = BY_HAND.format(key=MADE)
        linked.inside(host, number, "sh", "-c", script, stdin=f"{HEAD}{section}{PSK}")
    linked.canary.know(MADE.encode())
    before = [linked.inside(*place, "sh", "-c", TRACES) for place in made]
    linked.links["legacy"] = (113, "10.82.0.113", "7777")
    linked.ovh1.until("it", lambda: linked.ask("legacy", "x").endswith("x"), timeout=120)

    path = linked.site / "tunnels.toml"
    text = path.read_text()
    path.write_text(text + LEGACY + 'psk = "keep"\n')
    servers = linked.ends(linked.off2) | {"legacy/server/1": "loaded"}
    clients = linked.ends(linked.ovh1) | {"legacy/client/1": "proven"}
    linked.wait(linked.deliver(), servers, clients)
    linked.carry()
    assert [linked.inside(*place, "sh", "-c", TRACES) for place in made] == before

    linked.inside(linked.off2, 101, "chmod", "644", "/etc/stunnel/legacy/psk.txt")
    linked.off2.until("its mode", partial(_told, linked, linked.off2, "others can read"))
    assert "644" in linked.inside(
        linked.off2, 101, "stat", "-c", "%a", "/etc/stunnel/legacy/psk.txt"
    )

    path.write_text(text + LEGACY)
    serial = linked.deliver()
    for host, _ in made:
        host.until("what is in the way", partial(_told, linked, host, "move it away"))
        assert linked.ask("legacy", "as ever").endswith("as ever")
    for host, number in made:
        linked.inside(host, number, "systemctl", "disable", "--now", "stunnel@old")
        linked.inside(host, number, "mv", "/etc/stunnel/old.conf", "/etc/stunnel/legacy/")
    linked.wait(serial, servers, clients)
    linked.carry()
    for host, number in made:
        ours = linked.inside(host, number, "readlink", "/etc/stunnel/old.conf")
        assert ours.strip() == f"{INSIDE}/old/old.conf"


def test_nothing_but_stunnels_own_files_holds_a_key(linked: Linked) -> None:
    """After all of the above: journals, reports, state, logs, whatever runs, in both worlds."""
    assert len(linked.canary.keys) > len(linked.links)
    for name, host in linked.hosts.items():
        look_through(host, CONTAINERS[name], linked.canary)
        assert dumps_allowed(host) == []
    assert linked.canary.seen == []
    assert linked.canary.looked > 1_000_000
    told = f"{linked.canary.looked:,} bytes looked through for {len(linked.canary.keys)} keys\n"
    stock.LOGS.mkdir(parents=True, exist_ok=True)
    (stock.LOGS / "overheard.txt").write_text(told)


def _told(linked: Linked, host: Machine, words: str) -> bool:
    return words in str(linked.report(host))
