"""Containers, the public names that proxies pass on to them, and the tunnels between them."""

from collections.abc import Iterator

from offctl.desired.model import Container, DesiredState, VolumeMount
from offctl_cli.graph import identity
from offctl_cli.graph.model import Kind, Node, Row
from offctl_cli.graph.tunnels import rows as tunnel_rows
from offctl_cli.site.compiler import networks, sharing
from offctl_cli.site.model import Site
from offctl_cli.site.tables.applications import ApplicationKind

# What makes a container a database: units of the servers that keep or cache data for others.
DATABASES = (
    *("elasticsearch", "mariadb", "memcached", "mongod", "mongodb", "mysql"),
    *("opensearch", "postgresql", "redis", "redis-server", "valkey", "valkey-server"),
)


def nodes(site: Site, states: tuple[DesiredState, ...]) -> Iterator[Node]:
    """A node for each container, with what arrives at it as rows."""
    proxies = {route.proxy for route in site.routes.values()}
    for state in states:
        for container in state.containers:
            name = container.name
            kind = _kind(container, proxy=name in proxies, application=_application(site, name))
            yield Node(
                id=identity.container(name),
                kind=kind,
                title=name,
                group=identity.host(state.host),
                lines=tuple(_lines(site, container)),
                rows=(*_routes(site, name), *tunnel_rows(site, name)),
                owner=_application(site, name),
            )


def _application(site: Site, name: str) -> str:
    return site.containers[name].application or ""


def _kind(container: Container, *, proxy: bool, application: str) -> Kind:
    if proxy:
        return Kind.PROXY
    if application:
        return Kind.APPLICATION
    units = {unit.partition(".")[0].partition("@")[0] for unit in container.services}
    return Kind.DATABASE if units.intersection(DATABASES) else Kind.SERVICE


def _lines(site: Site, container: Container) -> Iterator[str]:
    written = site.containers[container.name]
    application = sharing.applications(site).get(written.application or "")
    if application is not None and application.flavor in site.flavors:
        title = site.flavors[application.flavor].title or application.flavor
        producers = application.kind is ApplicationKind.PRODUCERS
        yield f"{title}, for producers" if producers else title
    address = networks.internal_address(site, written)
    public = [each.ip for each in written.networks.values() if each.role == "public" and each.ip]
    yield f"container {container.id}" + (f", {address}" if address else "")
    if public:
        yield f"public {', '.join(each.partition('/')[0] for each in public)}"
    options = dict(container.options)
    told = [f"{options[key]} {word}" for key, word in (("cores", "cores"),) if key in options]
    if "memory" in options:
        told.append(_size(int(options["memory"])))
    if told:
        yield ", ".join(told)
    for mount in container.mounts:
        if isinstance(mount, VolumeMount):
            yield f"{mount.target}: {mount.size} on {mount.storage}"
    if written.run.value == "stopped":
        yield "stopped"


def _size(mebibytes: int) -> str:
    whole = mebibytes % 1024 == 0
    return f"{mebibytes // 1024} GiB" if whole else f"{mebibytes} MiB"


def _routes(site: Site, name: str) -> Iterator[Row]:
    for called, route in site.routes.items():
        if route.proxy == name:
            yield Row(
                id=identity.route(name, called).row,
                text=", ".join(route.names),
                keys=frozenset({("route", called)}),
                passing=True,
            )
