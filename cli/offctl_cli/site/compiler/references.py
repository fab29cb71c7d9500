"""Names in tables that lower to nothing on a host: applications, clusters and routes."""

from offctl_cli.site import key
from offctl_cli.site.compiler.notes import Notes
from offctl_cli.site.model import Site
from offctl_cli.site.tables.applications import Application, ApplicationKind


def check(site: Site, notes: Notes) -> None:
    """Complain about every name that is not declared and every owner of data named twice."""
    for name, host in site.hosts.items():
        if host.cluster is not None:
            path: key.Path = ("hosts", name, "cluster")
            notes.declared("cluster", host.cluster, site.clusters, path)
    for name, application in site.applications.items():
        path = ("applications", name)
        notes.declared("flavor", application.flavor, site.flavors, (*path, "flavor"))
        _check_application(site, name, application, notes)
    for name, container in site.containers.items():
        for index, used in enumerate(container.uses):
            path = ("containers", name, "uses", index)
            notes.declared("container", used, site.containers, path)
    _check_routes(site, notes)


def _check_application(site: Site, name: str, application: Application, notes: Notes) -> None:
    path: key.Path = ("applications", name)
    if application.kind is ApplicationKind.PRODUCERS and name in site.flavors:
        text = f"{key.shown(path)} is a producer platform with the name of a flavor"
        notes.complain("application", path, text, "give it a name of its own")
    if application.kind is ApplicationKind.PUBLIC and (application.place or application.extra):
        text = f"{key.shown(path)} is public, so its place and parts are those of its flavor"
        notes.complain("application", path, text, f"write them in [flavors.{application.flavor}]")


def _check_routes(site: Site, notes: Notes) -> None:
    for name, route in site.routes.items():
        path: key.Path = ("routes", name)
        notes.declared("container", route.proxy, site.containers, (*path, "proxy"))
        if route.container is not None:
            notes.declared("container", route.container, site.containers, (*path, "container"))
        if route.tunnel is not None:
            notes.declared("tunnel", route.tunnel, site.tunnels, (*path, "tunnel"))
        ways = (route.container, route.tunnel, route.address)
        if sum(way is not None for way in ways) != 1:
            text = f"{key.shown(path)} must have one of container, tunnel and address"
            notes.complain("route", path, text, "say what answers behind the proxy")
