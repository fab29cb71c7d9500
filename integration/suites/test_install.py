"""What the steps of `installing` end in: a site that is what its release says."""

from integration.suites import ground
from integration.suites.scene import Scene


def test_three_packages_make_a_site(scene: Scene) -> None:
    # The steps before this, each with what must be true after it, made the scene.
    assert scene.states() == dict.fromkeys(scene.hosts, "converged")
    for number, host in zip(("111", "112", "113"), scene.hosts.values(), strict=True):
        assert "tank/products" in ground.datasets(host)
        # Mounted by the agent inside its unit, and there for the whole host.
        assert " /tank/products zfs " in host.text("/proc/1/mounts")
        assert ground.containers(host) == {number: "running"}
    assert f"all {len(scene.hosts)} hosts are as it says" in scene.offctl("status")
