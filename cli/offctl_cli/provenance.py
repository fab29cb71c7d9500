"""Where each property of a resource comes from: the keys that were written, and the rule. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
import re

from offctl.desired import properties, tunnelplaces
from offctl.desired.facts import Resource
from offctl.desired.model import BindMount
from offctl_cli.site import key
from offctl_cli.site.compiler import Compiled, sharing
from offctl_cli.site.model import Site
from offctl_cli.site.tables.applications import ApplicationKind

WRITTEN = "it is written so"
DEFAULT = "nobody wrote it: the default"
# Rules by which what is written once says something in many places.
RULES = {
    "own": "an application sees its own data, and every part of it, at /mnt/NAME",
    "shared": "every application sees the parts that a flavor shares with all",
    "public": "a public application sees products and images of every other flavor",
    "platforms": "a public application sees images and exports of its flavor's producer platforms",
    "producers": "a producer platform sees the products and the data directory of its flavor",
    "stunnel": "a container that runs stunnel sees the files of its instances, read-only",
    "mountpoint": "below the mountpoint of its parent, or by its ZFS name below /",
    "owner": "data of an application belongs to its user, as the containers' id-maps show it",
    "parent": "what storages and datasets stand in must be there",
    "directory": "a directory that a container mounts must be there",
    "address": "an internal interface has the cluster's address for its id",
    "gateway": "the first public (else internal) interface has the host's gateway",
    "bridge": "an interface stands on the host's bridge for its role",
    "hostname": "a container is called as its table is",
    "mode": "what holds for its host holds for it",
    "subids": "root may map what the id-maps of its containers need",
    "peer": "the far host's tunnel key makes the key of the tunnel, with our own",
    "identity": "the client's host, the service and the generation name the key",
    "part": "products are many small files that are read all the time",
}

_DEVICE = re.compile(r"dev(\d+)")


@dataclass(frozen=True, slots=True)
class Origin:
    """One key that was written, and at which place; `via` names the profile it came through."""

    key: str
    place: str
    via: str = ""

    @property
    def words(self) -> str:
        return f"{self.place}: {self.key}" + (f" (used by {self.via})" if self.via else "")


@dataclass(frozen=True, slots=True)
class Source:
    """What a value was made from, and by which rule."""

    origins: tuple[Origin, ...]
    rule: str


class Provenance:
    """Asks one site, as it was written and as it was compiled."""

    def __init__(self, site: Site, compiled: Compiled) -> None:
        self._site = site
        self._stanzas = compiled.stanzas
        self._logical = {
            (state.host, each.name): each.logical
            for state in compiled.states
            for each in state.datasets
        }
        self._shown = {
            (state.host, f"{container.id}:{mount.target}"): mount.dataset
            for state in compiled.states
            for container in state.containers
            for mount in container.mounts
            if isinstance(mount, BindMount)
        }

    def of(self, host: str, resource: Resource, name: str) -> Source:
        """Where the property `name` of a resource of `host` comes from."""
        kind, identity = resource
        plain = identity.partition(" generation ")[0] if kind == "tunnel" else identity
        stanza = self._stanzas.get((host, kind, plain), ("hosts", host))
        paths, rule = getattr(self, f"_{kind}")(host, identity, name, stanza)
        found = [origin for path in paths for origin in self._written(path)]
        if not found and rule in (WRITTEN, DEFAULT):
            rule = DEFAULT
            found = list(self._nearest(stanza))
        return Source(tuple(dict.fromkeys(found)), rule)

    def _written(self, path: key.Path) -> Iterator[Origin]:
        """The key, if somebody wrote exactly it, there or in a profile."""
        at = self._site.origins.get(path, path)
        if at in self._site.places:
            via = key.shown(path) if at != path else ""
            yield Origin(key.shown(at), str(self._site.places[at]), via)

    def _nearest(self, path: key.Path) -> Iterator[Origin]:
        for length in range(len(path), 0, -1):
            found = list(self._written(path[:length]))
            if found:
                yield found[0]
                return

    def _host(
        self, host: str, identity: str, name: str, at: key.Path
    ) -> tuple[list[key.Path], str]:
        del identity
        if name == "site":
            return [("site", "name")], WRITTEN
        if name == "subids" and self._site.hosts[host].subordinate_ids is None:
            return [at], RULES["subids"]
        word = "subordinate_ids" if name == "subids" else name
        return [(*at, *word.split("."))], WRITTEN

    def _container(
        self, host: str, identity: str, name: str, at: key.Path
    ) -> tuple[list[key.Path], str]:
        del identity
        match = _DEVICE.fullmatch(name)
        path: key.Path = (*at, "devices", int(match[1])) if match else (*at, name)
        if list(self._written(path)):
            return [path], WRITTEN
        if name in ("name", "hostname"):
            return [at], RULES["hostname"]
        if name == "mode":
            return [("hosts", host, "mode")], RULES["mode"]
        return [path], DEFAULT

    def _mount(
        self, host: str, identity: str, name: str, at: key.Path
    ) -> tuple[list[key.Path], str]:
        number, _, target = identity.partition(":")
        if target == tunnelplaces.INSIDE and at[0] == "tunnels":
            return [at], RULES["stunnel"]
        if at[2:3] == ("mounts",):
            word = {"subdirectory": "directory", "ro": "read_only"}.get(name, name)
            inner = [(*at, word)] if list(self._written((*at, word))) else [at]
            return [*inner, *self._place(host, identity, name)], WRITTEN
        if at[2:3] == ("volumes",):
            return [(*at, name)], WRITTEN
        owner = next(
            each
            for each, known in self._site.containers.items()
            if (known.host, str(known.id)) == (host, number)
        )
        used: list[key.Path] = [("containers", owner, "application"), at]
        return [*used, *self._place(host, identity, name)], self._sharing(owner, target, at)

    def _sharing(self, container: str, target: str, at: key.Path) -> str:
        """Which of the rules gives a container this mount."""
        name = self._site.containers[container].application or ""
        application = sharing.applications(self._site)[name]
        own = sharing.owner_of_data(name, application)
        if at[2:3] == ("shared",):
            return RULES["shared"]
        if at == sharing.stanza(self._site, own) and self._is_own(target, own):
            return RULES["own"]
        if application.kind is not ApplicationKind.PUBLIC:
            return RULES["producers"]
        return RULES["public" if at[0] == "flavors" else "platforms"]

    def _is_own(self, target: str, own: str) -> bool:
        parts = (*sharing.PARTS, *sharing.extra_parts(self._site, own))
        return target in (f"/mnt/{own}", *(f"/mnt/{own}/{part}" for part in parts))

    def _place(self, host: str, identity: str, name: str) -> list[key.Path]:
        """Where the dataset that is shown lies."""
        if name not in ("source", "dataset"):
            return []
        shown = self._shown.get((host, identity), "")
        path = self._stanzas.get((host, "dataset", shown))
        return [path] if path is not None else []

    def _dataset(
        self, host: str, identity: str, name: str, at: key.Path
    ) -> tuple[list[key.Path], str]:
        if at[0] == "hosts":
            return [at], RULES["parent"]
        logical = self._logical.get((host, identity), "")
        table: key.Path = ("datasets", logical)
        if name == "logical":
            return [at], WRITTEN
        word = "owner" if name in ("uid", "gid") else name
        names = [word, *(a for a, full in properties.ALIASES.items() if full == name)]
        tries = [(*at, "properties", each) for each in names]
        tries += [(*table, "properties", each) for each in names]
        tries += [(*at, word), (*table, word)]
        found = [path for path in tries if list(self._written(path))]
        if found:
            return found[:1], WRITTEN
        rules = {"mountpoint": "mountpoint", "uid": "owner", "gid": "owner"}
        return [at], RULES[rules.get(name, "part")]

    def _directory(
        self, host: str, identity: str, name: str, at: key.Path
    ) -> tuple[list[key.Path], str]:
        del host, identity
        word = {"uid": "owner", "gid": "owner"}.get(name, name)
        if list(self._written((*at, word))):
            return [(*at, word)], WRITTEN
        if list(self._written(at)):
            return [at], WRITTEN if name == "exists" else RULES["owner"]
        return [at[:2]], RULES["directory"]

    def _network(
        self, host: str, identity: str, name: str, at: key.Path
    ) -> tuple[list[key.Path], str]:
        del identity
        word = {"gw": "gateway", "gw6": "gateway6"}.get(name, name)
        if list(self._written((*at, word))):
            return [(*at, word)], WRITTEN
        role = (*at, "role")
        here = self._site.hosts[host]
        if name == "ip":
            return [role, ("clusters", here.cluster or "", "container_address")], RULES["address"]
        if name == "gw":
            return [role, ("hosts", host, "gateways")], RULES["gateway"]
        if name == "bridge":
            return [role, ("hosts", host, "bridges")], RULES["bridge"]
        return [(*at, word)], DEFAULT

    def _tunnel(
        self, host: str, identity: str, name: str, at: key.Path
    ) -> tuple[list[key.Path], str]:
        del host, identity
        table, client = at[:2], at[-1] == "from"
        paths: dict[str, list[key.Path]] = {
            "accept": [(*at, "accept")],
            "connect": [(*table, "to", "address")] if client else [(*table, "target")],
            "container": [(*at, "container")],
            "section": [(*table, "section"), (*table, "service")],
            "peer_host": [(*table, "to" if client else "from")],
        }
        if name == "peer_key":
            return [(*table, "to" if client else "from")], RULES["peer"]
        if name == "identity" and not list(self._written((*table, "identity"))):
            return [(*table, "service"), (*table, "generation")], RULES["identity"]
        return paths.get(name, [(*table, name)]), WRITTEN
