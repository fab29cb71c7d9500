"""What the agents of a scene look after: the one place that says whether it is simulated."""

from integration.rig.machine import Machine

SIMULATED = "/srv/machine"


def prepare(host: Machine) -> tuple[str, ...]:
    """Make the empty host that the site expects; the options of `offctl-agent init` for it."""
    host.run(
        *("offctl-simhost", SIMULATED, "--node", host.name, "init"),
        *("--pool", "tank", "--storage", "tank=tank/pve"),
    )
    return ("--simulated", SIMULATED)


def datasets(host: Machine) -> list[str]:
    """The datasets that are really there."""
    return host.out("offctl-simhost", SIMULATED, "zfs", "list", "-H", "-o", "name").split()


def set_property(host: Machine, dataset: str, name: str, value: str) -> None:
    """What an operator does by hand."""
    host.run("offctl-simhost", SIMULATED, "zfs", "set", f"{name}={value}", dataset)


def get_property(host: Machine, dataset: str, name: str) -> str:
    """A property as it really is."""
    argv = ("zfs", "get", "-Hp", "-o", "value", name, dataset)
    return host.out("offctl-simhost", SIMULATED, *argv)
