"""Accidents of tunnels between two hosts: upgrades, kills, late addresses, boots.

The tests of this file follow each other on the same two guests.
"""

from functools import partial

from integration.rig.control import GuestError
from integration.suites.linking import AGENT, LINKS, Linked


def test_an_upgrade_of_the_package_inside_leaves_it_working(linked: Linked) -> None:
    """What dpkg does: unpacks, runs the package's script, and has systemd read everything again."""
    linked.begin()
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
        "redis/server/1": "loaded",
    }
    linked.off2.until("it", lambda: linked.settled(serial, linked.off2, servers), timeout=900)
    assert linked.off2.run("ls", f"{below}/trial", check=False).code
    linked.carry()


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
