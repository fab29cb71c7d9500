"""Machines that start again, in order: what was true is true again, by itself."""

from integration.suites import ground
from integration.suites.scene import Scene


def test_a_host_comes_back_and_does_what_it_missed(pair: Scene) -> None:
    host = pair.host("off1")
    ground.set_property(host, "tank/images", "atime", "on")
    host.reboot()
    host.until(
        "the drift to be repaired",
        lambda: ground.get_property(host, "tank/images", "atime") == "off",
        every=1,
    )
    pair.settle()
    for unit in ("offctl-agent", "offctl-courier"):
        assert host.out("systemctl", "show", "--value", "-p", "NRestarts", unit) == "0"


def test_a_host_finds_a_coordinator_that_comes_back(pair: Scene) -> None:
    pair.coordinator.reboot()
    pair.settle()
    pair.write("later.toml", '[datasets.later]\nplace.off1 = "tank/later"\n')
    pair.sign_and_publish()
    pair.settle()
    assert "tank/later" in ground.datasets(pair.host("off1"))
