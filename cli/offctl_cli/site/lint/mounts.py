"""Rules about mounts, judged on what each container's rules and tables compile to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import itertools

from offctl import errors
from offctl.desired import names
from offctl.desired.model import BindMount, DesiredState, Mount
from offctl_cli.site import key, model
from offctl_cli.site.compiler import Compiled
from offctl_cli.site.finding import Place
from offctl_cli.site.lint import rule
from offctl_cli.site.tables import filesystems

# Below these PVE or the container's own system writes at every start.
_OF_THE_SYSTEM = ("/dev", "/etc", "/proc", "/run", "/sys", "/usr", "/bin", "/sbin", "/lib")


@rule.error(
    "mount-target",
    "A mount target is an absolute, normal path in printable ASCII, and not / itself.",
)
def mount_target(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for path, targets in _written(site):
        for target in targets:
            complaint = names.path_complaint(target.rstrip("/") or "/")
            if complaint:
                shown = f"{key.shown(path)} holds the target {target[:80]!r}"
                yield (*path, target), f"{shown}: {complaint}", "write a path such as /mnt/off"


@rule.error("system-target", "No mount covers a directory that the system itself writes to.")
def system_target(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for path, targets in _written(site):
        for target in targets:
            clean = target.rstrip("/")
            if clean in _OF_THE_SYSTEM or clean.startswith(("/dev/", "/proc/", "/sys/", "/run/")):
                text = f"{key.shown(path)} mounts over {clean!r}"
                yield (*path, target), text, "the container would not start, or write to the data"


@rule.error(
    "mount-source",
    "The directory of a mount is a normal relative path in printable ASCII without , and =.",
)
def mount_source(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for path, mounts in _bind_tables(site):
        for target, mount in mounts.items():
            complaint = _directory_complaint(mount.directory)
            if complaint:
                text = f"{key.shown((*path, target))}: {complaint}"
                hint = "pct would lose the mount and start the container without it"
                yield (*path, target, "directory"), text, hint


@rule.error("duplicate-target", "A container has one mount on one target.")
def duplicate_target(site: model.Site, compiled: Compiled) -> Iterator[rule.Complaint]:
    for of in _compiled(site, compiled):
        for earlier, later in itertools.pairwise(of.mounts):  # they are sorted by target
            if earlier.target == later.target:
                first, second = (_what(each) for each in (earlier, later))
                text = f"{of.shown(later)} is both {first} and {second}"
                yield of.places[later.target], text, "remove one of the two"


@rule.error("hidden-mount", "A mount comes after every mount above its target.")
def hidden_mount(site: model.Site, compiled: Compiled) -> Iterator[rule.Complaint]:
    # The compiler orders mounts by target, so no written order can break this; the hosts rely on
    # it, so what was compiled is checked and not the intention.
    for of in _compiled(site, compiled):
        for earlier, later in itertools.combinations(of.mounts, 2):
            if _is_below(earlier.target, later.target):
                text = f"{of.shown(earlier)} is mounted before {later.target}, which would hide it"
                yield of.places[earlier.target], text, f"mount {later.target} first"


@rule.error(
    "shadowed-dataset",
    "What a mount covers inside another mount is not a further dataset of the host.",
)
def shadowed_dataset(site: model.Site, compiled: Compiled) -> Iterator[rule.Complaint]:
    for of in _compiled(site, compiled):
        mounted = {each.mountpoint: each.name for each in of.state.datasets}
        mounted |= {f"/{name}": name for name in of.state.unmanaged if not name.isdigit()}
        for parent, child in _nested(of.mounts):
            below = parent.source + child.target[len(parent.target) :]
            if below != child.source and below in mounted:
                text = (
                    f"{of.shown(child)} shows {child.source} where {parent.source} "
                    f"has another dataset, {mounted[below]}"
                )
                hint = (
                    f"renaming or unmounting {mounted[below]} would take the mount away from "
                    "the running container: move that dataset out of the way first"
                )
                yield of.places[child.target], text, hint


@rule.error("writable-replica", "A replica is mounted read-only.")
def writable_replica(site: model.Site, compiled: Compiled) -> Iterator[rule.Complaint]:
    for of in _compiled(site, compiled):
        replicas = {each.name: each.replica_of for each in of.state.datasets if each.replica_of}
        for mount in _binds(of.mounts):
            if mount.dataset in replicas and dict(mount.options).get("ro") != "1":
                text = (
                    f"{of.shown(mount)} can write to {mount.dataset}, "
                    f"a replica from {replicas[mount.dataset]}"
                )
                hint = "write read_only = true: what was written to can receive no more"
                yield of.places[mount.target], text, hint


@rule.error("directory-is-dataset", "What is mounted as a directory is not a dataset itself.")
def directory_is_dataset(site: model.Site, compiled: Compiled) -> Iterator[rule.Complaint]:
    for of in _compiled(site, compiled):
        at = {each.mountpoint: each for each in of.state.datasets}
        for mount in _binds(of.mounts):
            found = at.get(mount.source)
            if mount.subdirectory and found is not None and found.name != mount.dataset:
                text = f"{of.shown(mount)} shows {mount.source} as a directory, but it is a dataset"
                yield of.places[mount.target], text, f'write dataset = "{found.logical}"'


@rule.warning("undeclared-directory", "A directory that is mounted is declared with its dataset.")
def undeclared_directory(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for path, mounts in _bind_tables(site):
        for target, mount in mounts.items():
            dataset = site.datasets.get(mount.dataset)
            known = () if dataset is None else dataset.directories
            if mount.directory and mount.directory not in known:
                text = (
                    f"{key.shown((*path, target))} shows directory {mount.directory!r}, "
                    f"which dataset {mount.dataset!r} does not declare"
                )
                hint = f'if it is no typing error, add [datasets."{mount.dataset}".directories]'
                yield (*path, target), text, hint


def _written(site: model.Site) -> Iterator[tuple[key.Path, tuple[str, ...]]]:
    for path, mounts in _bind_tables(site):
        yield path, tuple(mounts)
    for name, container in site.containers.items():
        yield ("containers", name, "volumes"), tuple(container.volumes)


def _bind_tables(site: model.Site) -> Iterator[tuple[key.Path, Mapping[str, filesystems.Mount]]]:
    for name, container in site.containers.items():
        yield ("containers", name, "mounts"), container.mounts
    for name, application in site.applications.items():
        yield ("applications", name, "mounts"), application.mounts


def _directory_complaint(directory: str | None) -> str:
    if directory is None:
        return ""
    if "=" in directory:
        return f"cannot use path {directory[:80]!r}: pct cannot hold '=' in a source path"
    try:
        names.relative_path(directory)
    except errors.MalformedError as error:
        return str(error)
    return ""


@dataclass(frozen=True, slots=True)
class _Mounts:
    """The mounts of one container, and the state of the host it is on."""

    name: str
    mounts: tuple[Mount, ...]
    state: DesiredState
    places: Mapping[str, Place]

    def shown(self, mount: Mount) -> str:
        return key.shown(("containers", self.name, "mounts", mount.target))


def _compiled(site: model.Site, compiled: Compiled) -> Iterator[_Mounts]:
    for state in compiled.states:
        for each in state.containers:
            places = {
                mount.target: compiled.origins.get(
                    (state.host, "mount", f"{each.id}:{mount.target}"),
                    site.place(("containers", each.name, "mounts")),
                )
                for mount in each.mounts
            }
            yield _Mounts(each.name, each.mounts, state, places)


def _binds(mounts: tuple[Mount, ...]) -> Iterator[BindMount]:
    return (mount for mount in mounts if isinstance(mount, BindMount))


def _nested(mounts: tuple[Mount, ...]) -> Iterator[tuple[BindMount, BindMount]]:
    """Each bind mount with the nearest one above its target."""
    for child in _binds(mounts):
        above = [each for each in _binds(mounts) if _is_below(child.target, each.target)]
        if above:
            yield max(above, key=lambda each: len(each.target)), child


def _what(mount: Mount) -> str:
    return mount.source if isinstance(mount, BindMount) else f"a volume of {mount.storage}"


def _is_below(target: str, other: str) -> bool:
    return target.startswith(other + "/")


RULES = (
    mount_target,
    system_target,
    mount_source,
    duplicate_target,
    hidden_mount,
    shadowed_dataset,
    writable_replica,
    undeclared_directory,
    directory_is_dataset,
)
