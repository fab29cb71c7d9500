"""From bare Debian to a site that is what its release says, by the steps of the manual."""

from pathlib import Path

from integration.rig.fleet import Fleet
from integration.suites import ground
from integration.suites.scene import COORDINATOR, HOSTS, Scene
from integration.suites.stock import install

UNITS = ("offctl-agent", "offctl-courier", "offctl-coordinator")


def test_three_packages_make_a_site(bare_hosts: Fleet, debs: Path) -> None:
    coordinator, *hosts = bare_hosts.add(COORDINATOR, *HOSTS)
    scene = Scene(bare_hosts, coordinator, hosts)

    # 1. Installing needs no network and starts nothing.
    said = install(coordinator, debs)
    assert "offctl-coordinator init" in said
    scene.each(lambda host: install(host, debs))
    for machine in bare_hosts.machines:
        states = [machine.run("systemctl", "is-active", unit, check=False).stdout for unit in UNITS]
        assert states == ["inactive\n"] * 3
        assert machine.run("systemctl", "is-failed", *UNITS, check=False).code != 0

    # 2. Keys, identities into the site, programs started; nothing is published, nothing changes.
    scene.start()
    before = {name: ground.datasets(host) for name, host in scene.hosts.items()}
    assert all(found == ["tank", "tank/pve"] for found in before.values())

    # 3. One host is only to look.
    hosts_toml = scene.site / "hosts.toml"
    text = hosts_toml.read_text()
    head, ovh1 = text.split("[hosts.ovh1]")
    hosts_toml.write_text(f"{head}[hosts.ovh1]{ovh1.replace('enforce', 'audit')}")
    scene.sign_and_publish()
    scene.settle("converged", "off1", "off2")
    scene.settle("drift", "ovh1")
    assert "tank/products" in ground.datasets(scene.host("off1"))
    assert ground.containers(scene.host("off1")) == {"111": "running"}
    assert ground.containers(scene.host("ovh1")) == {}
    assert ground.datasets(scene.host("ovh1")) == before["ovh1"]

    # 4. Now it may act.
    hosts_toml.write_text(text)
    scene.sign_and_publish()
    scene.settle()
    assert "tank/products" in ground.datasets(scene.host("ovh1"))
    assert scene.offctl("status").count("converged") == len(HOSTS)
