"""The network goes away for several intervals, and comes back."""

from integration.rig.machine import Machine
from integration.suites import ground
from integration.suites.scene import HOSTS, INTERVAL, Scene

LATER = "[datasets.later]\n" + "".join(f'place.{name} = "tank/later"\n' for name in HOSTS)


def local_status(host: Machine) -> str:
    return host.run("offctl-agent", "status", check=False).stdout


def test_a_host_that_is_cut_off_goes_on_and_catches_up(scene: Scene) -> None:
    host, hub = scene.host("off1"), scene.fleet.hub
    hub.cut("off1", "coordinator")
    ground.set_property(host, "tank/images", "atime", "on")

    # The others get what is published meanwhile; this one is told apart from them, with its reason.
    scene.write("later.toml", LATER)
    scene.sign_and_publish()
    host.until("silence to be noticed", lambda: scene.states().get("off1") == "silent", every=2)
    others = {word for name, word in scene.states().items() if name != "off1"}
    assert others <= {"converged", "behind"}

    # Without a coordinator it stays what it should be, and knows that it is alone.
    host.until(
        "the drift to be repaired",
        lambda: ground.get_property(host, "tank/images", "atime") == "off",
        every=1,
    )
    host.until("the courier to know", lambda: "unreachable" in local_status(host), every=2)
    assert "tank/later" not in ground.datasets(host)

    hub.join("off1")
    scene.settle()
    assert "tank/later" in ground.datasets(host)
    # What it did alone was not lost.
    assert "tank/images" in scene.offctl("status", "off1", "--all")


def test_a_network_that_flaps_does_no_harm(scene: Scene) -> None:
    for _ in range(3):
        scene.fleet.hub.cut("coordinator")
        scene.coordinator.run("sleep", str(INTERVAL))
        scene.fleet.hub.join("coordinator")
        scene.coordinator.run("sleep", str(INTERVAL))
    scene.settle()
    for host in scene.hosts.values():
        for unit in ("offctl-agent", "offctl-courier"):
            restarts = host.out("systemctl", "show", "--value", "-p", "NRestarts", unit)
            assert restarts == "0", f"{host.name}: {unit}"
