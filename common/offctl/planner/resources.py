"""How resources are called: one key and one label for each, made only here."""

from offctl.desired.model import BindMount
from offctl.planner.plan import Resource


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


def shown_by(mount: BindMount) -> list[str]:
    """Keys of what must be there before a directory can be shown."""
    found = [dataset(mount.dataset).key] if mount.dataset else []
    return [*found, directory(mount.source).key]


def stunnel(container: int, instance: str, name: str = "") -> Resource:
    """One stunnel instance, in a container or (0) on the host itself."""
    where = f"container {container} {name}".rstrip() if container else "the host"
    key = f"stunnel {container or 'host'}:{instance}"
    return Resource(key, f"stunnel {instance} of {where}")


def tunnel(name: str, role: str) -> Resource:
    """One end of a tunnel."""
    return Resource(f"tunnel {name}/{role}", f"tunnel {name} ({role} end)")


def stray(place: str, configuration: str) -> Resource:
    """A stunnel that is not ours."""
    return Resource(f"stray {place}:{configuration}", f"stunnel in {place} ({configuration})")


def guest(number: int, kind: str) -> Resource:
    return Resource(
        f"guest {number}", f"{'container' if kind == 'lxc' else 'virtual machine'} {number}"
    )
