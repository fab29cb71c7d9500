"""What is taken over as the text of a site: the compiler makes of it what it was made from."""

from collections.abc import Iterable, Iterator, Mapping

from offctl import tomltext
from offctl.desired import idranges
from offctl.desired.model import (
    Access,
    BindMount,
    Container,
    Dataset,
    DesiredState,
    IdRange,
    Network,
    RunState,
    TunnelEnd,
    VolumeMount,
)
from offctl.takeover import NOT_WHOLE
from offctl_agent.adopt import idmaps
from offctl_agent.adopt.build import Built
from offctl_agent.adopt.left import Left

UNKNOWN = "unknown.invalid"
Values = dict[str, object]
_AUDIT = '"enforce", and offctl keeps it so; `offctl-agent plan` shows what it would change'


def text(built: Built, lefts: Iterable[Left], *, identity: str = "") -> str:
    """A whole site of one host; `identity` are the lines that `offctl-agent init` printed."""
    desired = built.desired
    told = tuple(lefts)
    parts = [
        _heading(desired, told),
        tomltext.header("site") + tomltext.lines({"name": desired.site}),
        _host(built) + (f"\n{identity.rstrip()}\n" if identity else ""),
        *_datasets(desired),
        *(_container(each, built) for each in desired.containers),
        *_tunnels(desired),
        _leaving(told),
    ]
    return "\n".join(part for part in parts if part)


def _heading(desired: DesiredState, told: tuple[Left, ...]) -> str:
    hazards = [f"! {left.what}: {left.reason}" for left in told if left.hazard]
    said = [
        f"{desired.host}, as it was found. With this text a plan changes nothing.",
        "What is not written is not touched.",
    ]
    if any(left.unread for left in told):
        said += ["", NOT_WHOLE]
    if hazards:
        said += ["", "Look at these first; they are as they are, and can hurt:", *hazards]
    return tomltext.comment(said)


def _leaving(told: tuple[Left, ...]) -> str:
    others = [f"- {left.what}: {left.reason}" for left in told if not left.hazard]
    return tomltext.comment(["Not taken over, and why:", *others]) if others else ""


def _host(built: Built) -> str:
    desired = built.desired
    values: Values = {"pools": list(desired.pools)}
    if built.storage:
        values["storage"] = dict(built.storage)
    guests = [int(each) for each in desired.unmanaged if each.isdecimal()]
    others = [each for each in desired.unmanaged if not each.isdecimal()]
    text_ = tomltext.header("hosts", desired.host)
    text_ += f'mode = "audit" # {_AUDIT}\n' + tomltext.lines(values)
    if desired.unmanaged:
        unmanaged: Values = {}
        if guests:
            unmanaged["guests"] = guests
        if others:
            unmanaged["datasets"] = others
        text_ += "\n" + tomltext.header("hosts", desired.host, "unmanaged")
        text_ += tomltext.lines(unmanaged)
    return text_


def _datasets(desired: DesiredState) -> Iterator[str]:
    for dataset in desired.datasets:
        viewers = _viewers(dataset, desired)
        owners = _owners(dataset, viewers)
        values: Values = {}
        if owners is None:
            values["as_seen_by"] = "host"
            owners = _host_ids(dataset)
        values |= owners[""]
        properties = dict(dataset.properties) | dict.fromkeys(dataset.inherit, "inherit")
        text_ = tomltext.header("datasets", dataset.logical)
        text_ += f"place.{tomltext.key(desired.host)} = {tomltext.value(dataset.name)}\n"
        text_ += tomltext.lines(values)
        if properties:
            text_ += tomltext.lines({"properties": dict(sorted(properties.items()))})
        if dataset.directories:
            text_ += "\n" + tomltext.header("datasets", dataset.logical, "directories")
            text_ += tomltext.lines({d.path: owners[d.path] for d in dataset.directories})
        yield text_


Owners = dict[str, Values]


def _viewers(dataset: Dataset, desired: DesiredState) -> set[tuple[IdRange, ...]]:
    return {
        container.idmap or (idranges.DEFAULT if container.unprivileged else idranges.PRIVILEGED)
        for container in desired.containers
        if any(isinstance(m, BindMount) and m.dataset == dataset.name for m in container.mounts)
    }


def _each(dataset: Dataset) -> Iterator[tuple[str, Access]]:
    yield "", dataset.access
    yield from ((directory.path, directory.access) for directory in dataset.directories)


def _owners(dataset: Dataset, viewers: set[tuple[IdRange, ...]]) -> Owners | None:
    """Owner and mode of the dataset and its directories, in the ids of those who mount it."""
    if all(access.uid is None for _, access in _each(dataset)):
        return _host_ids(dataset)
    if len(viewers) != 1:
        return None
    (ranges,) = viewers
    found: Owners = {}
    for path, access in _each(dataset):
        found[path] = _mode(access)
        if access.uid is None or access.gid is None:
            continue
        uid = idranges.in_container(ranges, "u", access.uid)
        gid = idranges.in_container(ranges, "g", access.gid)
        if uid is None or gid is None:
            return None
        found[path] = {"owner": f"{uid}:{gid}", **found[path]}
    return found


def _host_ids(dataset: Dataset) -> Owners:
    return {
        path: {**({} if a.uid is None else {"owner": f"{a.uid}:{a.gid}"}), **_mode(a)}
        for path, a in _each(dataset)
    }


def _mode(access: Access) -> Values:
    return {} if access.mode is None else {"mode": f"{access.mode:04o}"}


def _container(container: Container, built: Built) -> str:
    path = ("containers", container.name)
    words = built.words[container.id]
    values: Values = {"id": container.id, "host": built.desired.host}
    if container.run is not RunState.RUNNING:
        values["run"] = container.run.value
    if not container.unprivileged:
        values["unprivileged"] = False
    root = container.root
    values["rootfs"] = {"storage": root.storage, "size": f"{root.size_gib}G"} | (
        {"mountoptions": list(root.mountoptions)} if root.mountoptions else {}
    )
    values |= {k: w for k, w in words.items() if (k, w) != ("hostname", container.name)}
    if container.idmap is not None:
        values["idmap"] = _idmap(container.idmap)
    text_ = tomltext.header(*path) + tomltext.lines(values)
    for network in container.networks:
        text_ += "\n" + tomltext.header(*path, "networks", network.name)
        text_ += tomltext.lines(_network(network))
    logical = {dataset.name: dataset.logical for dataset in built.desired.datasets}
    binds = {m.target: _bind(m, logical) for m in container.mounts if isinstance(m, BindMount)}
    if binds:
        text_ += "\n" + tomltext.header(*path, "mounts") + tomltext.lines(binds)
    for mount in container.mounts:
        if isinstance(mount, VolumeMount):
            text_ += "\n" + tomltext.header(*path, "volumes", mount.target)
            text_ += tomltext.lines(_volume(mount))
    return text_


def _idmap(ranges: tuple[IdRange, ...]) -> object:
    if not ranges:
        return "default"
    found = idmaps.intent(ranges)
    if found is None:
        return {"lines": [f"{r.kind} {r.inside} {r.outside} {r.count}" for r in ranges]}
    shift = {} if found.shift == idranges.SHIFT else {"shift": found.shift}
    return {"identity": list(found.identity), **shift}


def _network(network: Network) -> Values:
    options = dict(network.options)
    values: Values = {"index": network.index, "bridge": network.bridge}
    if network.hwaddr:
        values["hwaddr"] = network.hwaddr
    words = {"ip": "ip", "gw": "gateway", "ip6": "ip6", "gw6": "gateway6"}
    values |= {word: options[key] for key, word in words.items() if key in options}
    if "firewall" not in options:
        values["firewall"] = False
    if "link_down" in options:
        values["link_down"] = options["link_down"] == "1"
    return values | {key: int(options[key]) for key in ("tag", "mtu", "rate") if key in options}


def _flags(options: Mapping[str, str]) -> Values:
    values: Values = {"read_only": True} if options.get("ro") == "1" else {}
    if "mountoptions" in options:
        values["mountoptions"] = options["mountoptions"].split(";")
    for key in ("acl", "backup", "replicate", "shared"):
        if key in options:
            values[key] = options[key] == "1"
    return values


def _bind(mount: BindMount, logical: Mapping[str, str]) -> object:
    dataset = logical[mount.dataset]
    more: Values = {"directory": mount.subdirectory} if mount.subdirectory else {}
    more |= _flags(dict(mount.options))
    return {"dataset": dataset, **more} if more else dataset


def _volume(mount: VolumeMount) -> Values:
    values: Values = {"storage": mount.storage, "size": mount.size, "volume": mount.volume}
    return values | _flags(dict(mount.options))


def _tunnels(desired: DesiredState) -> Iterator[str]:
    called = {container.id: container.name for container in desired.containers}
    for end in desired.tunnels:
        yield _tunnel(
            end, {"container": called[end.container]} if end.container else {"host": desired.host}
        )


def _tunnel(end: TunnelEnd, here: Values) -> str:
    port = end.connect.rpartition(":")[2]
    values: Values = {"service": end.section}
    if end.role == "client":
        values["from"] = {**here, "accept": end.accept}
        values["to"] = {"unmanaged": end.peer_host, "accept": port, "address": end.connect}
        values["target"] = f"{UNKNOWN}:{port}"
        unseen = "where it goes on to from there is not seen from here"
    else:
        own = end.accept.rpartition(":")[2]
        values["from"] = {"unmanaged": end.peer_host, "accept": f"127.0.0.1:{own}"}
        values["to"] = {**here, "accept": end.accept, "address": f"{UNKNOWN}:{own}"}
        values["target"] = end.connect
        unseen = "who comes in here, and by what address, is not seen from here"
    values |= {
        "identity": end.identity.removesuffix("-g1"),
        "instance": end.instance,
        "psk": "keep",
        "comment": f"as people set it up; {unseen}",
    }
    return tomltext.header("tunnels", end.name) + tomltext.lines(values)
