"""A desired state as facts: every property of every resource as text, to be compared and found.

A resource is a kind and its identity, as the compiler calls them: ("container", "113"),
("mount", "113:/mnt/off"), ("network", "113:eth0"), ("dataset", "zfs-hdd/off"),
("directory", "zfs-hdd/off:data"), ("tunnel", "redis-ovh/server"), ("host", "off2").
"""

from collections.abc import Iterator, Mapping

from offctl import certificates
from offctl.desired import names
from offctl.desired.model import (
    Access,
    BindMount,
    Container,
    Dataset,
    DesiredState,
    Freeze,
    Mode,
    Mount,
    TunnelEnd,
    Window,
)
from offctl.tables import INSTANT

Resource = tuple[str, str]
Facts = Mapping[Resource, Mapping[str, str]]

DEFAULT = "default"
INHERIT = "inherit"


def facts(state: DesiredState) -> Facts:
    """Everything that is asked of one host. What is not asked has no entry."""
    found: dict[Resource, dict[str, str]] = {("host", state.host): _said(_host(state))}
    for dataset in state.datasets:
        found["dataset", dataset.name] = _said(_dataset(dataset))
        for directory in dataset.directories:
            identity = f"{dataset.name}:{directory.path}"
            found["directory", identity] = _said({"exists": "yes", **_access(directory.access)})
    for container in state.containers:
        found["container", str(container.id)] = _said(_container(container))
        for network in container.networks:
            values = {"index": str(network.index), "bridge": network.bridge}
            values |= {"hwaddr": network.hwaddr, **dict(network.options)}
            found["network", f"{container.id}:{network.name}"] = _said(values)
        for mount in container.mounts:
            found["mount", f"{container.id}:{mount.target}"] = _said(_mount(mount))
    for identity, end in _ends(state):
        found["tunnel", identity] = _said(_tunnel(end))
    return found


def called(resource: Resource, state: DesiredState) -> str:
    """A resource in the words of plans."""
    kind, identity = resource
    number, _, rest = identity.partition(":")
    names_ = {str(container.id): container.name for container in state.containers}
    match kind:
        case "container":
            return f"container {identity} {names_.get(identity, '')}".rstrip()
        case "mount":
            return f"mount {rest} of container {number} {names_.get(number, '')}".rstrip()
        case "network":
            return f"interface {rest} of container {number} {names_.get(number, '')}".rstrip()
        case "directory":
            return f"directory {rest} of dataset {number}"
        case "tunnel":
            name, _, role = identity.partition("/")
            return f"tunnel {name} ({role} end)"
        case _:
            return f"{kind} {identity}"


def _said(values: Mapping[str, str]) -> dict[str, str]:
    """An empty value asks for nothing."""
    return {name: value for name, value in values.items() if value}


def _host(state: DesiredState) -> dict[str, str]:
    identity = state.identity
    return {
        "site": state.site,
        "mode": state.mode.value,
        "wave": str(state.wave),
        "soak": str(state.soak) if state.soak else "",
        "windows": _windows(state.windows),
        "freeze": _freeze(state.freeze),
        "max_delta.containers": f"{state.max_delta.containers} %",
        "max_delta.mounts": f"{state.max_delta.mounts} %",
        "max_delta.datasets": f"{state.max_delta.datasets} %",
        "approved": ", ".join(state.approved),
        "pools": ", ".join(state.pools),
        "unmanaged": ", ".join(state.unmanaged),
        "subids": ", ".join(f"{s.kind}:{s.start}:{s.count}" for s in state.subids),
        "identity.certificate": certificates.fingerprint(identity.certificate) if identity else "",
        "identity.tunnel_key": identity.tunnel_key if identity else "",
    }


def _dataset(dataset: Dataset) -> dict[str, str]:
    return {
        "logical": dataset.logical,
        "mountpoint": dataset.mountpoint,
        "replica_of": dataset.replica_of,
        **dict.fromkeys(dataset.inherit, INHERIT),
        **dict(dataset.properties),
        **_access(dataset.access),
        # As the site writes it; `mode` is that of the directory.
        "audit": "yes" if dataset.mode is Mode.AUDIT else "",
    }


def _access(access: Access) -> dict[str, str]:
    return {
        "uid": "" if access.uid is None else str(access.uid),
        "gid": "" if access.gid is None else str(access.gid),
        "mode": "" if access.mode is None else f"{access.mode:04o}",
    }


def _container(container: Container) -> dict[str, str]:
    idmap = container.idmap
    probe = container.probe
    root = container.root
    options = ";".join(root.mountoptions)
    return {
        "name": container.name,
        "run": container.run.value,
        "mode": container.mode.value,
        "template": container.template,
        "rootfs": f"{root.storage}:{root.size_gib}" + (f",mountoptions={options}" * bool(options)),
        "unprivileged": "1" if container.unprivileged else "0",
        **dict.fromkeys(container.defaults, DEFAULT),
        **dict(container.options),
        "idmap": ""
        if idmap is None
        else ", ".join(f"{r.kind} {r.inside} {r.outside} {r.count}" for r in idmap) or DEFAULT,
        "services": ", ".join(container.services),
        "windows": _windows(container.windows),
        "freeze": _freeze(container.freeze),
        "probe": "" if probe is None else f"{' '.join(probe.command)} (within {probe.grace} s)",
    }


def _mount(mount: Mount) -> dict[str, str]:
    if isinstance(mount, BindMount):
        values = {"source": mount.source, "dataset": mount.dataset}
        values["subdirectory"] = mount.subdirectory
    else:
        values = {"storage": mount.storage, "size": mount.size, "volume": mount.volume}
    return {**values, **dict(mount.options)}


def _tunnel(end: TunnelEnd) -> dict[str, str]:
    return {
        "container": str(end.container) if end.container else "the host itself",
        "instance": end.instance,
        "section": end.section,
        "accept": end.accept,
        "connect": end.connect,
        "identity": end.identity,
        "generation": str(end.generation),
        "revoked": str(end.revoked) if end.revoked else "",
        "peer_host": end.peer_host,
        "peer_key": end.peer_key,
        "psk_file": end.psk_file,
        "kept": "yes" if end.kept else "",
        "consumers": ", ".join(end.consumers),
    }


def _ends(state: DesiredState) -> Iterator[tuple[str, TunnelEnd]]:
    """During a rotation there is more than one: the newest has the plain name."""
    told = set()
    for end in sorted(state.tunnels, key=lambda end: (end.name, end.role, -end.generation)):
        identity = f"{end.name}/{end.role}"
        if identity in told:
            identity = f"{identity} generation {end.generation}"
        told.add(identity)
        yield identity, end


def _windows(windows: tuple[Window, ...]) -> str:
    return ", ".join(names.window_text(window) for window in windows)


def _freeze(freeze: Freeze | None) -> str:
    return f"until {freeze.until.strftime(INSTANT)}: {freeze.reason}" if freeze else ""
