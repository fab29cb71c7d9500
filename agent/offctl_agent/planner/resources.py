"""How resources are called: one key and one label for each, made only here."""

from offctl_agent.planner.plan import Resource


def pool(name: str) -> Resource:
    return Resource(f"pool {name}", f"pool {name}")


def dataset(name: str) -> Resource:
    return Resource(f"dataset {name}", f"dataset {name}")


def directory(path: str) -> Resource:
    return Resource(f"directory {path}", f"directory {path}")


def subids() -> Resource:
    return Resource("subids root", "subordinate ids of root")


def container(number: int, name: str = "") -> Resource:
    """The id is the identity; the name only helps people."""
    return Resource(f"container {number}", f"container {number} {name}".rstrip())


def mount(number: int, target: str, name: str = "") -> Resource:
    called = f"{number} {name}".rstrip()
    return Resource(f"mount {number}:{target}", f"mount {target} of container {called}")


def service(number: int, unit: str, name: str = "") -> Resource:
    called = f"{number} {name}".rstrip()
    return Resource(f"service {number}:{unit}", f"service {unit} in container {called}")


def guest(number: int, kind: str) -> Resource:
    return Resource(
        f"guest {number}", f"{'container' if kind == 'lxc' else 'virtual machine'} {number}"
    )
