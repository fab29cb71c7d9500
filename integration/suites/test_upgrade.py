"""New packages arrive while the agent is at work."""

from pathlib import Path

from integration.suites import ground
from integration.suites.scene import Scene
from integration.suites.stock import install
from integration.suites.test_service import journal, many

COUNT = 25


def test_packages_are_upgraded_in_the_middle_of_a_run(pair: Scene, newer_debs: Path) -> None:
    host = pair.host("off1")
    keys = "cat /etc/offctl/*.pem /etc/offctl/agent.toml | sha256sum"
    before = host.out("sh", "-c", keys)
    known = ground.datasets(host)
    pair.write("many.toml", many(COUNT))
    pair.sign_and_publish()
    host.until("the first datasets", lambda: len(ground.datasets(host)) > len(known))
    install(host, newer_debs)
    install(pair.coordinator, newer_debs)
    pair.settle()
    assert len(ground.datasets(host)) == len(known) + COUNT
    assert host.out("sh", "-c", keys) == before
    for unit in ("offctl-agent", "offctl-courier"):
        assert host.out("systemctl", "is-active", unit) == "active"
    assert host.out("offctl", "--version").endswith("+newer")
    assert journal(host, "OFFCTL_OUTCOME=failed") == []
