"""Several hosts' own texts in one: what has one name on several hosts, and what must not have."""

from collections.abc import Iterable, Mapping
import copy
from dataclasses import dataclass, field
from typing import Any

from offctl import errors, freenames

Tables = dict[str, Any]

OF_A_HOST = ("site", "hosts", "datasets", "containers", "tunnels")
_SHARED = ("owner", "mode", "as_seen_by", "directories")


@dataclass(frozen=True, slots=True)
class Text:
    """What one host said of itself: where it was read, its tables, and the comments around them."""

    source: str
    tables: Tables
    comments: tuple[str, ...] = ()


@dataclass(slots=True)
class Folded:
    """The tables of the whole site, and what was noticed on the way."""

    tables: Tables
    notes: list[str] = field(default_factory=list)
    # Told beside the table they are about: (kind, name) -> lines.
    remarks: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    # Datasets kept apart, by the name that they had.
    apart: dict[str, str] = field(default_factory=dict)
    # What each host's own text said around its tables.
    heads: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def remark(self, kind: str, name: str, text: str) -> None:
        """Something that differs from the pattern: told, and written beside it."""
        self.notes.append(f"{kind} {name}: {text}")
        self.remarks.setdefault((kind, name), []).append(text)


def fold(texts: Iterable[Text], name: str, clusters: Mapping[str, str]) -> Folded:
    """The tables of every text under one site called `name`; raises AuthorError."""
    site: Tables = {"site": {"name": name}, "hosts": {}, "datasets": {}, "containers": {}}
    folded = Folded({**site, "tunnels": {}})
    # Where most is shown, names stay short: those are what people speak of.
    for each in sorted(texts, key=lambda text: -_mounts(text.tables)):
        tables = copy.deepcopy(each.tables)
        host = _host(each.source, tables, folded.tables["hosts"])
        folded.heads[host] = each.comments
        folded.tables["hosts"][host] = tables["hosts"][host]
        called = _add_datasets(host, tables.get("datasets", {}), folded)
        renamed = _add_containers(host, tables.get("containers", {}), called, folded)
        _add_tunnels(host, tables.get("tunnels", {}), renamed, folded)
    _cluster(folded.tables, clusters)
    return folded


def _mounts(tables: Tables) -> int:
    return sum(len(each.get("mounts", {})) for each in tables.get("containers", {}).values())


def _host(source: str, tables: Tables, known: Mapping[str, object]) -> str:
    foreign = [word for word in tables if word not in OF_A_HOST]
    hosts = list(tables.get("hosts", {}))
    if foreign or len(hosts) != 1:
        cause = f"it has {', '.join(foreign)}" if foreign else f"it speaks of {len(hosts)} hosts"
        raise errors.AuthorError(
            f"cannot merge {source}: {cause}",
            hint="give what `offctl-agent adopt` printed on one host, as it was",
        )
    for name, dataset in tables.get("datasets", {}).items():
        if list(dataset.get("place", {})) != hosts:
            raise errors.AuthorError(
                f"cannot merge {source}: dataset {name} has no place on {hosts[0]}, or others too",
                hint="give what `offctl-agent adopt` printed on one host, as it was",
            )
    if hosts[0] in known:
        raise errors.AuthorError(f"cannot merge {source}: host {hosts[0]} is there already")
    return str(hosts[0])


def _cluster(tables: Tables, clusters: Mapping[str, str]) -> None:
    for host, cluster in clusters.items():
        if host not in tables["hosts"]:
            raise errors.AuthorError(
                f"cannot put {host} into cluster {cluster}: no text is of that host",
                hint=f"there are {', '.join(tables['hosts'])}",
            )
        tables["hosts"][host] = {"cluster": cluster, **tables["hosts"][host]}
        tables.setdefault("clusters", {}).setdefault(cluster, {})


def _add_datasets(host: str, given: Tables, folded: Folded) -> dict[str, str]:
    """Each dataset beside the one of the same name elsewhere; its name here to the one there."""
    there = folded.tables["datasets"]
    called = {}
    for name, dataset in given.items():
        other = there.get(name)
        if other is None:
            called[name] = name
            there[name] = dataset
            continue
        different = [key for key in _SHARED if dataset.get(key) != other.get(key)]
        if different:
            called[name] = apart = freenames.free(f"{host}/{name}", there)
            there[apart] = dataset
            folded.apart[apart] = name
            others = ", ".join(other["place"])
            told = ", ".join(
                f"{k} is {_said(dataset, k)}, not {_said(other, k)}" for k in different
            )
            folded.remark("dataset", apart, f"apart from {name} of {others}: {told}")
            continue
        called[name] = name
        _beside(host, dataset, other, name, folded)
    return called


def _beside(host: str, dataset: Tables, other: Tables, name: str, folded: Folded) -> None:
    """One more place; properties that differ go to the places."""
    if dataset.get("properties", {}) == other.get("properties", {}):
        other["place"] |= dataset["place"]
        return
    folded.remark("dataset", name, f"its properties on {host} are others than elsewhere")
    common = other.pop("properties", {})
    for at, place in other["place"].items():
        table = place if isinstance(place, dict) else {"dataset": place}
        merged = {**common, **table.get("properties", {})}
        other["place"][at] = {**table, "properties": merged} if merged else place
    own = dataset.get("properties", {})
    name_here = dataset["place"][host]
    other["place"][host] = {"dataset": name_here, "properties": own} if own else name_here


def _add_containers(
    host: str, given: Tables, called: Mapping[str, str], folded: Folded
) -> dict[str, str]:
    there = folded.tables["containers"]
    renamed = {}
    for name, container in given.items():
        for target, mount in container.get("mounts", {}).items():
            if isinstance(mount, dict):
                mount["dataset"] = called[mount["dataset"]]
            else:
                container["mounts"][target] = called[mount]
        new = name
        if name in there:
            new = freenames.free(f"{host}-{name}"[:60], there)
            container.setdefault("hostname", name)
            folded.notes.append(f"container {new}: {name} is also one of {there[name]['host']}")
        renamed[name] = new
        there[new] = container
    return renamed


def _add_tunnels(host: str, given: Tables, renamed: Mapping[str, str], folded: Folded) -> None:
    there = folded.tables["tunnels"]
    for name, tunnel in given.items():
        for side in ("from", "to"):
            if "container" in tunnel[side]:
                tunnel[side]["container"] = renamed[tunnel[side]["container"]]
        new = name if name not in there else freenames.free(f"{host}-{name}"[:50].lower(), there)
        # Identities are told apart by it.
        tunnel["identity"] = new.lower()
        there[new] = tunnel


def _said(table: Tables, word: str) -> str:
    value = table.get(word)
    return "not written" if value is None else str(value)[:60]
