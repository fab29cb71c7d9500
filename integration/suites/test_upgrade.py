"""Packages come and go while the agent is at work; what it looks after stays."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from integration.suites import ground
from integration.suites.scene import Scene
from integration.suites.stock import ON_COORDINATOR, ON_HOST, install
from integration.suites.test_service import journal, many

COUNT = 25
# Datasets and containers by what would be another's, not theirs, if they had been made anew.
KEPT = """
zfs list -H -o name,guid,mounted,mountpoint
cat /etc/pve/lxc/*.conf /tank/products/file
lxc-info -n 111 -pH
cd /etc/offctl
sha256sum *.pem *.toml
find /var/lib/offctl -type d | sort
"""


def test_packages_are_upgraded_in_the_middle_of_a_run(pair: Scene, newer_debs: Path) -> None:
    host = pair.host("off1")
    keys = "cat /etc/offctl/*.pem /etc/offctl/agent.toml | sha256sum"
    before = host.out("sh", "-c", keys)
    known = ground.datasets(host)
    pair.write("many.toml", many(COUNT))
    pair.sign_and_publish()
    host.until("the first datasets", lambda: len(ground.datasets(host)) > len(known))
    with ThreadPoolExecutor(1) as pool:
        served = pool.submit(install, pair.coordinator, newer_debs, *ON_COORDINATOR)
        install(host, newer_debs, *ON_HOST)
        served.result()
    pair.settle()
    assert len(ground.datasets(host)) == len(known) + COUNT
    assert host.out("sh", "-c", keys) == before
    for unit in ("offctl-agent", "offctl-courier"):
        assert host.out("systemctl", "is-active", unit) == "active"
    assert host.out("offctl", "--version").endswith("+newer")
    assert journal(host, "OFFCTL_OUTCOME=failed") == []


def test_removed_and_purged_they_leave_data_containers_and_keys(pair: Scene) -> None:
    host = pair.host("off1")
    host.put("/tank/products/file", "data\n")
    before = host.sh(KEPT).stdout
    assert "tank/products\t" in before
    for verb in ("remove", "purge"):
        host.run("apt-get", verb, "-y", *ON_HOST, timeout=900)
        assert host.sh(KEPT).stdout == before
    assert ground.containers(host) == {"111": "running"}
    assert host.run("which", "offctl-agent", check=False).code != 0
