"""The bundle: one host's desired state as TOML bytes, written and read back.

`dump` is deterministic: equal states give equal bytes. `parse` accepts nothing that `dump` could
not have written: unknown keys, wrong types, and names or paths that could mean something else to a
command (a leading dash, `..`, control characters) are all MalformedError.
"""

from typing import Any

import tomli_w

from offctl import errors, toml
from offctl.desired import consents, names, tunnelplaces
from offctl.desired.model import (
    Access,
    BindMount,
    Container,
    Dataset,
    DesiredState,
    Directory,
    Identity,
    IdRange,
    Mode,
    Mount,
    Network,
    RootFilesystem,
    RunState,
    Subid,
    TunnelEnd,
    VolumeMount,
)
from offctl.tables import Table

SCHEMA = 1
MAX_BUNDLE = 4 * 1024 * 1024

_HEADER = b"# offctl bundle: what one host is asked to be. Compiled from the site; do not edit.\n"


def dump(state: DesiredState) -> bytes:
    """The bundle of `state`, readable and stable byte for byte."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "site": state.site,
        "host": state.host,
        "mode": state.mode.value,
        "pools": list(state.pools),
        "unmanaged": list(state.unmanaged),
        "windows": [names.window_text(window) for window in state.windows],
        "freeze": consents.dump_freeze(state.freeze),
        "max_delta": consents.dump_max_delta(state.max_delta),
        "approved": list(state.approved),
        **consents.dump_turn(state.wave, state.soak),
    }
    if state.identity is not None:
        document["identity"] = {
            "certificate": state.identity.certificate,
            "tunnel_key": state.identity.tunnel_key,
        }
    document["subids"] = [f"{s.kind}:{s.start}:{s.count}" for s in state.subids]
    document["dataset"] = [_dump_dataset(dataset) for dataset in state.datasets]
    document["container"] = [_dump_container(container) for container in state.containers]
    document["tunnel"] = [_dump_tunnel(tunnel) for tunnel in state.tunnels]
    return _HEADER + tomli_w.dumps(_without_empty(document), multiline_strings=True).encode()


def parse(content: bytes) -> DesiredState:
    """Read a bundle; raises MalformedError. The bytes must have been verified before."""
    table = toml.parse(content, what="the bundle", limit=MAX_BUNDLE)
    table.integer("schema", least=SCHEMA, most=SCHEMA)
    identity = table.optional_table("identity")
    state = DesiredState(
        site=table.matching("site", names.NAME),
        host=table.matching("host", names.NAME),
        mode=Mode(table.choice("mode", ("enforce", "audit"))),
        identity=None if identity is None else _parse_identity(identity),
        windows=tuple(names.window(text) for text in table.strings("windows")),
        freeze=consents.parse_freeze(table),
        max_delta=consents.parse_max_delta(table),
        approved=tuple(names.checked(t, names.SHA256, "hash") for t in table.strings("approved")),
        wave=table.integer("wave", 1, least=1, most=consents.MAX_WAVE),
        soak=table.integer("soak", 0, most=consents.MAX_SOAK),
        pools=tuple(names.checked(p, names.POOL, "pool") for p in table.strings("pools")),
        unmanaged=table.strings("unmanaged"),
        subids=tuple(_parse_subid(text) for text in table.strings("subids")),
        datasets=tuple(_parse_dataset(item) for item in table.tables("dataset")),
        containers=tuple(_parse_container(item) for item in table.tables("container")),
        tunnels=tuple(_parse_tunnel(item) for item in table.tables("tunnel")),
    )
    table.finish()
    names.refuse_twice("dataset", [dataset.name for dataset in state.datasets])
    names.refuse_twice("container", [str(container.id) for container in state.containers])
    return state


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in ([], {}, "", None)}


def _dump_access(access: Access) -> dict[str, Any]:
    return {
        key: value
        for key, value in (
            ("uid", access.uid),
            ("gid", access.gid),
            ("mode", None if access.mode is None else f"{access.mode:04o}"),
        )
        if value is not None
    }


def _parse_access(table: Table) -> Access:
    mode = table.matching("mode", names.FILE_MODE, "")
    return Access(
        uid=table.optional_integer("uid", most=names.MAX_ID),
        gid=table.optional_integer("gid", most=names.MAX_ID),
        mode=int(mode, 8) if mode else None,
    )


def _dump_dataset(dataset: Dataset) -> dict[str, Any]:
    return _without_empty(
        {
            "name": dataset.name,
            "logical": dataset.logical,
            "mountpoint": dataset.mountpoint,
            "replica_of": dataset.replica_of,
            "audit": True if dataset.mode is Mode.AUDIT else None,
            **_dump_access(dataset.access),
            "inherit": list(dataset.inherit),
            "properties": dict(dataset.properties),
            "directory": [
                {"path": directory.path, **_dump_access(directory.access)}
                for directory in dataset.directories
            ],
        }
    )


def _parse_dataset(table: Table) -> Dataset:
    dataset = Dataset(
        name=names.checked(table.string("name"), names.DATASET, "dataset name"),
        logical=table.string("logical"),
        mountpoint=names.path(table.string("mountpoint")),
        replica_of=table.string("replica_of", ""),
        mode=Mode.AUDIT if table.boolean("audit", default=False) else Mode.ENFORCE,
        access=_parse_access(table),
        inherit=table.strings("inherit"),
        properties=table.string_map("properties"),
        directories=tuple(_parse_directory(item) for item in table.tables("directory")),
    )
    table.finish()
    return dataset


def _parse_directory(table: Table) -> Directory:
    directory = Directory(
        path=names.relative_path(table.string("path")), access=_parse_access(table)
    )
    table.finish()
    return directory


def _dump_container(container: Container) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": container.id,
        "name": container.name,
        "run": container.run.value,
        "mode": container.mode.value,
        "template": container.template,
        "unprivileged": container.unprivileged,
        "root": _without_empty(
            {
                "storage": container.root.storage,
                "size_gib": container.root.size_gib,
                "mountoptions": list(container.root.mountoptions),
            }
        ),
        "services": list(container.services),
        "windows": [names.window_text(window) for window in container.windows],
        "freeze": consents.dump_freeze(container.freeze),
        "probe": consents.dump_probe(container.probe),
        "defaults": list(container.defaults),
        "options": dict(container.options),
        "network": [
            _without_empty(
                {
                    "index": network.index,
                    "name": network.name,
                    "bridge": network.bridge,
                    "hwaddr": network.hwaddr,
                    "options": dict(network.options),
                }
            )
            for network in container.networks
        ],
        "mount": [_dump_mount(mount) for mount in container.mounts],
    }
    kept = _without_empty(document)
    if container.idmap is not None:
        kept["idmap"] = [f"{r.kind} {r.inside} {r.outside} {r.count}" for r in container.idmap]
    return kept


def _dump_mount(mount: Mount) -> dict[str, Any]:
    if isinstance(mount, BindMount):
        return _without_empty(
            {
                "target": mount.target,
                "source": mount.source,
                "dataset": mount.dataset,
                "subdirectory": mount.subdirectory,
                "options": dict(mount.options),
            }
        )
    return _without_empty(
        {
            "target": mount.target,
            "storage": mount.storage,
            "size": mount.size,
            "volume": mount.volume,
            "options": dict(mount.options),
        }
    )


def _parse_container(table: Table) -> Container:
    root = table.table("root")
    idmap = None
    if table.has("idmap"):
        idmap = tuple(_parse_id_range(text) for text in table.strings("idmap"))
    container = Container(
        id=table.integer("id", least=100, most=999_999_999),
        name=table.matching("name", names.NAME),
        run=RunState(table.choice("run", ("running", "stopped", "as-is"))),
        mode=Mode(table.choice("mode", ("enforce", "audit"))),
        template=table.string("template", ""),
        unprivileged=table.boolean("unprivileged"),
        root=RootFilesystem(
            storage=root.matching("storage", names.NAME),
            size_gib=root.integer("size_gib", least=1, most=1 << 20),
            mountoptions=root.strings("mountoptions"),
        ),
        services=table.strings("services"),
        windows=tuple(names.window(text) for text in table.strings("windows")),
        freeze=consents.parse_freeze(table),
        probe=consents.parse_probe(table),
        defaults=table.strings("defaults"),
        options=table.string_map("options"),
        networks=tuple(_parse_network(item) for item in table.tables("network")),
        mounts=tuple(_parse_mount(item) for item in table.tables("mount")),
        idmap=idmap,
    )
    root.finish()
    table.finish()
    names.refuse_twice("mount target", [mount.target for mount in container.mounts])
    _check_own(container)
    for key, _ in container.options:
        names.checked(key, names.OPTION, "container option")
    return container


def _parse_network(table: Table) -> Network:
    network = Network(
        index=table.integer("index", most=31),
        name=table.matching("name", names.INTERFACE),
        bridge=table.matching("bridge", names.INTERFACE),
        hwaddr=table.string("hwaddr", ""),
        options=table.string_map("options"),
    )
    table.finish()
    return network


def _parse_mount(table: Table) -> Mount:
    target = names.path(table.string("target"))
    mount: Mount
    if table.has("storage"):
        mount = VolumeMount(
            target=target,
            storage=table.matching("storage", names.NAME),
            size=table.matching("size", names.SIZE),
            volume=table.string("volume", ""),
            options=table.string_map("options"),
        )
    else:
        subdirectory = table.string("subdirectory", "")
        mount = BindMount(
            target=target,
            source=names.bind_source(table.string("source")),
            dataset=_dataset_of_mount(table),
            subdirectory=names.relative_path(subdirectory) if subdirectory else "",
            options=table.string_map("options"),
        )
    table.finish()
    return mount


def _dataset_of_mount(table: Table) -> str:
    name = table.string("dataset", "")
    return names.checked(name, names.DATASET, "dataset name") if name else ""


def _check_own(container: Container) -> None:
    """Only the directory of its own stunnel files is shown without being a dataset's."""
    for mount in container.mounts:
        own = (tunnelplaces.INSIDE, tunnelplaces.of_container(container.id), (("ro", "1"),))
        if isinstance(mount, BindMount) and not mount.dataset:
            if (mount.target, mount.source, mount.options) != own:
                raise errors.MalformedError(
                    f"cannot use mount {mount.target!r}: {mount.source!r} is of no dataset"
                )
        elif mount.target == tunnelplaces.INSIDE:
            raise errors.MalformedError(
                f"cannot use mount {mount.target!r}: stunnel's files are there"
            )


def _parse_id_range(text: str) -> IdRange:
    match = names.matched(text, names.ID_RANGE, "id-map line")
    return IdRange(match["kind"], int(match["inside"]), int(match["outside"]), int(match["count"]))


def _parse_subid(text: str) -> Subid:
    match = names.matched(text, names.SUBID, "subordinate id range")
    return Subid(match["kind"], int(match["start"]), int(match["count"]))


def _parse_identity(table: Table) -> Identity:
    identity = Identity(
        certificate=table.string("certificate"), tunnel_key=table.string("tunnel_key")
    )
    table.finish()
    return identity


def _dump_tunnel(tunnel: TunnelEnd) -> dict[str, Any]:
    document: dict[str, Any] = {
        field: getattr(tunnel, field) for field in TunnelEnd.__dataclass_fields__
    }
    document["consumers"] = list(tunnel.consumers)
    document["revoked"] = tunnel.revoked or None
    document["kept"] = tunnel.kept or None
    return _without_empty(document)


def _parse_tunnel(table: Table) -> TunnelEnd:
    tunnel = TunnelEnd(
        name=table.matching("name", names.NAME),
        role=table.choice("role", ("client", "server")),
        section=table.matching("section", names.NAME),
        container=table.integer("container", most=999_999_999),
        instance=table.matching("instance", names.NAME),
        accept=table.matching("accept", names.ACCEPT),
        connect=table.matching("connect", names.CONNECT),
        identity=table.matching("identity", names.PSK_IDENTITY),
        generation=table.integer("generation", least=1),
        peer_host=table.string("peer_host", ""),
        peer_key=table.string("peer_key", ""),
        psk_file=table.string("psk_file", ""),
        revoked=table.integer("revoked", 0),
        kept=table.boolean("kept", default=False),
        consumers=table.strings("consumers"),
    )
    table.finish()
    if tunnel.psk_file:
        names.path(tunnel.psk_file)
    if tunnel.revoked >= tunnel.generation:
        raise errors.MalformedError(
            f"cannot use tunnel {tunnel.name!r}: generation {tunnel.generation} is revoked"
        )
    return tunnel
