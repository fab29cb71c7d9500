"""Profiles and containers that flavors write: merged before reading, each key knows its origin."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from offctl_cli.site import key
from offctl_cli.site.reader import nearest

MAX_CHAIN = 16

Complaint = tuple[str, key.Path, str, str]


@dataclass(frozen=True, slots=True)
class Applied:
    """Tables in which every container has its profiles merged in.

    `origins` maps a merged key path to the path it was written at, where that is another one.
    `complaints` holds code, path, text and hint.
    """

    tables: dict[str, Any]
    origins: Mapping[key.Path, key.Path]
    complaints: tuple[Complaint, ...]


def apply(tables: dict[str, Any]) -> Applied:
    """Merge: a written key replaces the profile's, tables are merged key by key, lists are not."""
    merging = _Merging(_table(tables, "profiles"))
    containers: dict[str, Any] = {}
    flavors: dict[str, Any] = {}
    for name, flavor in _table(tables, "flavors").items():
        flavors[name] = flavor
        written = flavor.get("container") if isinstance(flavor, dict) else None
        if not isinstance(written, dict):
            continue
        flavors[name] = {word: value for word, value in flavor.items() if word != "container"}
        path: key.Path = ("flavors", name, "container")
        if name not in _table(tables, "containers"):
            inside = {"application": name, **written}
            containers[name] = merging.container(name, inside, path)
            continue
        text = f"{key.shown(path)} writes a container that [containers.{name}] writes too"
        merging.complaints.append(("defined-twice", path, text, "keep one of the two"))
    for name, written in _table(tables, "containers").items():
        path = ("containers", name)
        plain = not isinstance(written, dict)
        containers[name] = written if plain else merging.container(name, written, path)
    applied = dict(tables)
    if containers:
        applied["containers"] = containers
    if flavors:
        applied["flavors"] = flavors
    return Applied(applied, MappingProxyType(merging.origins), tuple(merging.complaints))


def _table(tables: dict[str, Any], name: str) -> dict[str, Any]:
    table = tables.get(name, {})
    return table if isinstance(table, dict) else {}


@dataclass(slots=True)
class _Merging:
    profiles: dict[str, Any]
    origins: dict[key.Path, key.Path] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)

    def container(self, name: str, written: dict[str, Any], path: key.Path) -> dict[str, Any]:
        """The container's raw table over those of its profiles."""
        merged: dict[str, Any] = {}
        at: key.Path = ("containers", name)
        for profile in self._used(written, path):
            self._merge(merged, self.profiles[profile], at, ("profiles", profile))
        self._merge(merged, written, at, path)
        if at != path:
            self.origins[at] = path
        return merged

    def _used(self, written: dict[str, Any], path: key.Path) -> list[str]:
        """The profiles to merge, in order: those that a profile uses come before it."""
        found: list[str] = []
        for name in self._named(written, path):
            self._follow(name, (), found)
        return found

    def _follow(self, name: str, users: tuple[str, ...], found: list[str]) -> None:
        path: key.Path = ("profiles", name)
        if name in users:
            text = f"{key.shown(path)} uses itself, through {' -> '.join((*users, name))}"
            self._complain("profile-circle", (*path, "use"), text, "take one of the uses out")
            return
        if len(users) >= MAX_CHAIN:
            text = f"{key.shown(path)} is used through more than {MAX_CHAIN} other profiles"
            self._complain("profile-circle", (*path, "use"), text, "use it directly")
            return
        if name not in found:
            for used in self._named(self.profiles[name], path):
                self._follow(used, (*users, name), found)
            found.append(name)

    def _named(self, written: dict[str, Any], path: key.Path) -> list[str]:
        use = written.get("use", [])
        wanted = [use] if isinstance(use, str) else use
        found = []
        for name in wanted if isinstance(wanted, list) else []:
            if not isinstance(name, str):
                continue
            if isinstance(self.profiles.get(name), dict):
                found.append(name)
                continue
            near = nearest(name, list(self.profiles))
            hint = f"did you mean {near!r}?" if near else "declare it as [profiles.NAME]"
            text = f"{key.shown(path)} uses profile {name[:60]!r}, which is not declared"
            self._complain("undeclared", (*path, "use"), text, hint)
        return found

    def _complain(self, code: str, path: key.Path, text: str, hint: str) -> None:
        self.complaints.append((code, path, text, hint))

    def _merge(
        self, into: dict[str, Any], written: dict[str, Any], at: key.Path, origin: key.Path
    ) -> None:
        for word, value in written.items():
            below, from_ = (*at, word), (*origin, word)
            if isinstance(value, dict) and isinstance(into.get(word), dict):
                self.origins[below] = from_
                self._merge(into[word], value, below, from_)
                continue
            if word in into:
                self._forget(below)
            self._remember(below, from_, value)
            into[word] = _copied(value)

    def _forget(self, path: key.Path) -> None:
        for known in [each for each in self.origins if each[: len(path)] == path]:
            del self.origins[known]

    def _remember(self, path: key.Path, origin: key.Path, value: object) -> None:
        if path != origin:
            self.origins[path] = origin
        if isinstance(value, dict | list):
            parts = value.items() if isinstance(value, dict) else enumerate(value)
            for part, each in parts:
                self._remember((*path, part), (*origin, part), each)


def _copied(value: object) -> object:
    return (
        {word: _copied(each) for word, each in value.items()} if isinstance(value, dict) else value
    )
