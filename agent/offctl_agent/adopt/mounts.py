"""The mounts of a container, as dataset and directory or as volume, where the site can say them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from offctl import propertystring
from offctl.desired import names, tunnelplaces
from offctl.desired.model import BindMount, Container, Dataset, Mount, VolumeMount
from offctl.observed import ObservedContainer, ObservedDataset
from offctl.planner import mounts
from offctl.planner.mounts import Line
from offctl_agent.adopt import datasets as sets
from offctl_agent.adopt import quoting, shapes
from offctl_agent.adopt.left import Lefts


@dataclass(frozen=True, slots=True)
class Ground:
    """What mounts can show on this host: every dataset, those taken over, and PVE's storages."""

    found: tuple[ObservedDataset, ...]
    taken: Mapping[str, Dataset]
    storage: Mapping[str, str]

    def nearest(self, path: str) -> ObservedDataset | None:
        """The dataset that a path of the host is in."""
        inside = f"{path}/"
        above = [
            (len(each.mounted_at), each)
            for each in self.found
            if each.mounted_at and inside.startswith(each.mounted_at.rstrip("/") + "/")
        ]
        return max(above, key=lambda found: found[0], default=(0, None))[1]

    def at(self, path: str) -> str:
        """The dataset that is, or belongs, at a path of the host; empty when there is none."""
        belongs = {each.mountpoint: each.name for each in self.taken.values()}
        usual = {f"/{each.name}": each.name for each in self.found}
        shown = {each.mounted_at: each.name for each in self.found if each.mounted_at}
        return (usual | belongs | shown).get(path, "")

    def size(self, storage: str, volume: str) -> str:
        """How large a volume is, by its quota; empty when that is unknown."""
        name = f"{self.storage[storage]}/{volume.rpartition('/')[2]}"
        for each in self.found:
            quota = each.property("refquota") if each.name == name else None
            if quota is not None and quota.value.isdecimal() and int(quota.value):
                return sets.readable("refquota", quota.value)
        return ""


def choose(there: ObservedContainer, name: str, ground: Ground, lefts: Lefts) -> tuple[Mount, ...]:
    """The mounts that can be taken over, by target."""
    lines, broken = mounts.lines(there.configuration.options)
    for key in broken:
        lefts.hazard(_what(there, name, key), "PVE itself cannot read this line")
    chosen: list[Mount] = []
    for line in lines:
        reason, mount = _one(there, line, lines, ground)
        if mount is None:
            lefts.leave(_what(there, name, f"mp{line.index} at {line.target}"), reason)
        else:
            chosen.append(mount)
    return tuple(sorted(chosen, key=lambda mount: mount.target.split("/")))


def unshadowed(container: Container, ground: Ground, lefts: Lefts) -> Container:
    """Without the mounts that cover, inside another mount, a further dataset of the host."""
    for mount in container.mounts:
        above = [
            other
            for other in container.mounts
            if isinstance(other, BindMount) and mounts.is_below(mount.target, other.target)
        ]
        if not isinstance(mount, BindMount) or not above:
            continue
        parent = max(above, key=lambda other: len(other.target))
        below = parent.source + mount.target[len(parent.target) :]
        hidden = ground.at(below)
        if below == mount.source or not hidden:
            continue
        lefts.hazard(
            f"container {container.id} {container.name}: {mount.target}",
            f"it shows {mount.source} where {parent.source} has another dataset, {hidden}: "
            "renaming or unmounting that one would take the mount away from the running container",
        )
        left = tuple(other for other in container.mounts if other is not mount)
        return unshadowed(replace(container, mounts=left), ground, lefts)
    return container


def _one(
    there: ObservedContainer, line: Line, lines: Iterable[Line], ground: Ground
) -> tuple[str, Mount | None]:
    others = [other for other in lines if other is not line]
    if any(other.target == line.target for other in others):
        return "two lines have this target; take one out by hand", None
    hidden = [o for o in others if mounts.is_below(line.target, o.target) and o.index > line.index]
    if hidden:
        return f"mp{hidden[0].index} at {hidden[0].target} is mounted later and hides it", None
    if complaint := shapes.target_complaint(line.target):
        return complaint, None
    volume = line.parts["volume"]
    if volume.startswith("/"):
        return _bind(there, line, ground)
    return _volume(line, ground)


def _bind(there: ObservedContainer, line: Line, ground: Ground) -> tuple[str, Mount | None]:
    source = "/" + "/".join(part for part in line.parts["volume"].split("/") if part)
    if source == tunnelplaces.of_container(there.id) or line.target == tunnelplaces.INSIDE:
        return "the keys of offctl's own tunnels; declare those, and it follows", None
    if complaint := names.bind_source_complaint(source):
        return f"{source}: {complaint}", None
    dataset = ground.nearest(source)
    if dataset is None or dataset.mounted_at == "/":
        return f"{source} is in no dataset but the host's own system", None
    if dataset.name not in ground.taken:
        return f"{source} is in dataset {dataset.name}, which is not taken over", None
    other = next((d.name for d in ground.taken.values() if d.mountpoint == source), dataset.name)
    if other != dataset.name:
        return f"{source} is where dataset {other} belongs, which is not mounted", None
    subdirectory = source[len(dataset.mounted_at) :].strip("/")
    mount = BindMount(line.target, source, dataset.name, subdirectory, _options(line, bind=True))
    if len(subdirectory) > 1024 or not mounts.same(mount, line):
        return f"the site has no words for its options{_quoted(line)}", None
    return "", mount


def _volume(line: Line, ground: Ground) -> tuple[str, Mount | None]:
    storage, _, volume = line.parts["volume"].partition(":")
    if storage not in ground.storage:
        return f"storage {storage!r} is no ZFS storage of this host", None
    size = line.parts.get("size") or ground.size(storage, volume)
    if not shapes.VOLUME.fullmatch(volume) or not names.SIZE.fullmatch(size):
        return f"the site cannot say its name or size{_quoted(line)}", None
    mount = VolumeMount(line.target, storage, size, volume, _options(line, bind=False))
    if not mounts.same(mount, line):
        return f"the site has no words for its options{_quoted(line)}", None
    return "", mount


def _options(line: Line, *, bind: bool) -> tuple[tuple[str, str], ...]:
    """As the compiler writes them: flags that are on, and of a volume those that are written."""
    found = {}
    for key, value in line.parts.items():
        flag = propertystring.is_on(value)
        if key == "ro" and flag:
            found[key] = "1"
        elif key == "mountoptions":
            words = value.split(";")
            if set(words).issubset(names.MOUNT_OPTIONS) and len(set(words)) == len(words):
                found[key] = ";".join(sorted(words))
        elif bind and key == "shared" and flag:
            found[key] = "1"
        elif not bind and key in ("acl", "backup", "replicate"):
            found[key] = "1" if flag else "0"
    return tuple(sorted(found.items()))


def _quoted(line: Line) -> str:
    return quoting.value(f"mp{line.index}", line.text, 200)


def _what(there: ObservedContainer, name: str, part: str) -> str:
    return f"container {there.id} {name}: {part}"
