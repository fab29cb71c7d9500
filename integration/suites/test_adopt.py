"""A live host taken over: built once, its agent forgotten, then adopted from nothing.

On real pools, containers and a real stunnel that people set up on the host itself. The tests of
this file follow each other on one guest.
"""

from collections.abc import Iterator
from pathlib import Path
import re
import shutil
import time

import pytest

from integration.rig.fleet import Fleet
from integration.rig.golden import Golden
from integration.suites import stock
from integration.suites.desk import INBOX, Desk
from integration.suites.example import EXAMPLE, HOST, Example
from integration.suites.inside import ROOT

SERVICE = ROOT / "tests/tunnels/service.py"
BY_HAND = ROOT / "tests/adopt/by-hand.conf"
SECRET = "pwgenmadethis0123456789abcdefghijk"
# Everything that a text speaks of, seen without any program of ours. Not the internal history of
# pools: asking a dataset for the first time which user properties it has leaves a line there.
STATE = r"""
sha256sum /etc/pve/lxc/*.conf /etc/subuid /etc/subgid /etc/stunnel/off.conf /etc/stunnel/psk.txt
zfs get -r -H -t filesystem -s local,received all | grep -v org.offctl:floor
findmnt -rn -o TARGET,SOURCE | grep -v /run | sort
lxc-ls --running
"""
FORGET = """
systemctl stop offctl-agent offctl-courier
rm -rf /var/lib/offctl/agent/* /var/lib/offctl/inbox/* /var/lib/offctl/outbox/*
rm -rf /etc/offctl/*
for pool in rpool zfs-hdd zfs-nvme; do
  zfs inherit org.offctl:floor $pool; zfs inherit -r org.offctl:name $pool
done
"""


def without_tunnels(directory: Path) -> Path:
    """The example as a host has it that offctl never saw."""
    shutil.copytree(EXAMPLE, directory)
    for name in ("tunnels.toml", "routes.toml"):
        (directory / name).unlink()
    entry = directory / "site.toml"
    entry.write_text(re.sub(r'  "(?:tunnels|routes)\.toml",\n', "", entry.read_text()))
    return directory


@pytest.fixture(scope="module")
def live(hosts: Golden, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """off2 of the example, running, and nothing left of the agent that built it."""
    desk = tmp_path_factory.mktemp("adopt")
    with Fleet(stock.HARDWARE, hosts) as fleet:
        (machine,) = fleet.add(HOST)
        built = Example(machine, desk / "built", written=without_tunnels(desk / EXAMPLE.name))
        try:
            built.prepare()
            built.deliver()
            assert built.unsettled(built.apply()) == []
            machine.sh(FORGET)
            machine.run("offctl-agent", "init", "--host", HOST)
            begin_stunnel(built)
            yield built
        finally:
            fleet.collect(stock.LOGS / "adopt")


def begin_stunnel(live: Example) -> None:
    live.host.put("/root/service.py", SERVICE)
    unprivileged = "setuid = stunnel4\nsetgid = stunnel4\n"
    live.host.put("/etc/stunnel/off.conf", unprivileged + BY_HAND.read_text())
    live.host.put("/etc/stunnel/psk.txt", f"client:{SECRET}\n".encode(), mode=0o600)
    live.host.sh("systemd-run --unit=service python3 /root/service.py 127.0.0.1 17000")
    live.host.sh("systemd-run --unit=people stunnel4 /etc/stunnel/off.conf")
    live.host.until("stunnel to listen", lambda: "16379" in live.host.out("ss", "-ltn"), timeout=60)


def test_adopting_changes_nothing_and_the_plan_is_empty(live: Example) -> None:
    before = live.host.sh(STATE).stdout
    began = time.monotonic()
    done = live.host.run("sh", "-c", "offctl-agent adopt > /root/off2.toml", check=False)
    took = time.monotonic() - began
    text = live.host.text("/root/off2.toml")
    (stock.LOGS / "adopt").mkdir(parents=True, exist_ok=True)
    (stock.LOGS / "adopt" / "said.txt").write_text(f"{took:.1f} s\n{done.stderr}\n{text}")
    assert done.code == 0, done.stderr
    assert "plan with this text: empty" in done.stderr
    assert "13 containers, 103 mounts, 2 volumes, 2 tunnel ends" in done.stderr
    assert SECRET not in text + done.stderr
    assert live.host.sh(STATE).stdout == before


def test_the_merged_site_signed_and_delivered_has_nothing_to_do(live: Example) -> None:
    desk = Desk(live.desk.directory.parent / "again")
    desk.directory.mkdir()
    (desk.directory / "off2.toml").write_text(live.host.text("/root/off2.toml"))
    said = desk.run("offctl", "adopt", "merge", "off2.toml", "--into", "site", "--name", "again")
    assert "profiles.toml" in said
    assert "[flavors.off]" in (desk.site / "applications.toml").read_text()
    live.host.put("/etc/offctl/trust.toml", desk.make_trust("again"))
    live.host.put(INBOX, desk.sign())
    before = live.host.sh(STATE).stdout
    planned = live.host.run("offctl-agent", "plan", check=False)
    assert planned.code == 0, planned.stdout + planned.stderr
    assert "nothing to do" in planned.stdout
    enforce(desk)
    live.host.put(INBOX, desk.sign())
    report = live.apply()
    assert report["events"] == []
    assert live.unsettled(report) == []
    assert report["mode"] == "enforce"
    assert live.host.sh(STATE).stdout == before


def enforce(desk: Desk) -> None:
    """The one word between looking and keeping."""
    file = desk.site / "hosts" / f"{HOST}.toml"
    file.write_text(file.read_text().replace('mode = "audit"', 'mode = "enforce"'))
