"""What each running container of a simulated host really has, kept where a reboot would lose it."""

from dataclasses import asdict, dataclass

from offctl.errors import MalformedError
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.mounts import Place

DIRECTORY = "run/containers"


@dataclass(frozen=True, slots=True)
class Bound:
    """One mount inside a container: a directory of the host as it was when mounted, or a volume."""

    target: str
    guid: str
    path: str
    volume: str = ""

    @property
    def place(self) -> Place:
        """The directory, whatever its path leads to now."""
        return Place(self.guid, self.path)


@dataclass(frozen=True, slots=True)
class Running:
    """A running container: its mounts in the order they were made, and its id-map."""

    mounts: tuple[Bound, ...]
    idmap: tuple[str, ...]

    def visible(self) -> tuple[Bound, ...]:
        """The mounts that no later one on an outer directory hides."""
        return tuple(
            mount
            for index, mount in enumerate(self.mounts)
            if not any(covers(later.target, mount.target) for later in self.mounts[index + 1 :])
        )


def covers(outer: str, inner: str) -> bool:
    """Whether a mount on `outer` hides what was mounted on `inner` before."""
    return inner == outer or inner.startswith(outer.rstrip("/") + "/")


def load(machine: Machine, number: int) -> Running | None:
    """What a container has; None when it is not running. Raises MalformedError, AdminError."""
    value = machine.store.read_json(_name(number))
    if value is None:
        return None
    try:
        mounts = tuple(Bound(**item) for item in value["mounts"])  # type: ignore[index]
        return Running(mounts, tuple(value["idmap"]))  # type: ignore[index]
    except (KeyError, TypeError):
        raise MalformedError(f"cannot read {_name(number)}") from None


def save(machine: Machine, number: int, state: Running) -> None:
    """The container runs from now on, with exactly this."""
    machine.store.write_json(
        _name(number), {"mounts": [asdict(m) for m in state.mounts], "idmap": list(state.idmap)}
    )


def forget(machine: Machine, number: int) -> None:
    """The container has stopped."""
    machine.store.remove(_name(number))


def numbers(machine: Machine) -> tuple[int, ...]:
    """The ids of everything that runs."""
    found = machine.store.path(DIRECTORY).glob("*.json")
    return tuple(sorted(int(p.stem) for p in found if p.stem.isdecimal()))


def detach_below(machine: Machine, removed: Place) -> None:
    """A directory is gone: containers lose what they had mounted on it (as Linux does it)."""
    for number in numbers(machine):
        state = load(machine, number)
        if state is None:
            continue
        kept = tuple(m for m in state.mounts if _mounted_on(m, state.mounts) != removed)
        if kept != state.mounts:
            save(machine, number, Running(kept, state.idmap))


def _mounted_on(mount: Bound, mounts: tuple[Bound, ...]) -> Place | None:
    """The host directory a mount covers inside its container; None inside the root volume."""
    earlier = mounts[: mounts.index(mount)]
    outer = [m for m in earlier if m.target != mount.target and covers(m.target, mount.target)]
    if not outer or outer[-1].volume:
        return None
    parent = max(outer, key=lambda m: len(m.target))
    return parent.place.below(mount.target[len(parent.target.rstrip("/")) + 1 :])


def _name(number: int) -> str:
    return f"{DIRECTORY}/{number}.json"
