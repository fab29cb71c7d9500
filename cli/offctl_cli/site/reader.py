# ruff: noqa: ANN401 - what is read has the type of its kind
"""From raw TOML tables to the declared ones: types, ranges, unknown keys, all complaints at once.

Knows no particular table; what a key accepts is its kind's business.
"""

from collections.abc import Mapping
from datetime import datetime
import difflib
from typing import Any

from offctl.tables import INSTANT
from offctl_cli.site import declare, finding, key, kinds

MAX_SHOWN = 60

# What people coming from pct or from other tools write, where the nearest spelling misleads.
_KNOWN_AS = {
    "mp": "mounts",
    "mnt": "mounts",
    "bind": "mounts",
    "net": "networks",
    "gw": "gateway",
    "gw6": "gateway6",
    "ram": "memory",
    "cpu": "cores",
    "vmid": "id",
    "ctid": "id",
    "lxc.idmap": "idmap",
    "description": "comment",
    "comment": "description",
    "note": "comment",
}


class Reader:
    """Reads declared tables and collects what is wrong with them.

    `places` says where each key path is written. `origins` says, for a path that came from
    elsewhere (a profile), which path the operator wrote it at.
    """

    def __init__(
        self,
        places: Mapping[key.Path, finding.Place],
        origins: Mapping[key.Path, key.Path],
        whole: finding.Place,
    ) -> None:
        self.findings: list[finding.Finding] = []
        self._places = places
        self._origins = origins
        self._whole = whole

    def place(self, path: key.Path) -> finding.Place:
        """Where `path` is written, or the nearest table around it that is."""
        for length in range(len(path), 0, -1):
            written = self._origins.get(path[:length], path[:length])
            if written in self._places:
                return self._places[written]
        return self._whole

    def complain(self, code: str, path: key.Path, text: str, hint: str = "") -> None:
        """Collect one error at `path`."""
        self.findings.append(finding.error(code, self.place(path), text, hint))

    def value(self, kind: kinds.Kind, value: object, path: key.Path) -> Any:
        """The value of `kind`, or UNREAD after complaining."""
        try:
            return kind.read(value, path, self)
        except kinds.UnfitError as unfit:
            text = f"{self._name(path)} must be {unfit.wanted}, not {shown(value)}"
            self.complain(unfit.code, path, text, unfit.hint)
            return kinds.UNREAD

    def table(self, cls: type, values: object, path: key.Path) -> Any:
        """The declared table, or UNREAD when a key it cannot do without is missing or wrong."""
        if not isinstance(values, dict):
            text = f"{self._name(path)} must be a table, not {shown(values)}"
            self.complain("wrong-type", path, text)
            return kinds.UNREAD
        accepted = declare.keys(cls)
        self._refuse_unknown(values, {each.name: each for each in accepted.values()}, path)
        read: dict[str, Any] = {}
        complete = True
        for field, wanted in accepted.items():
            if wanted.name in values:
                value = self.value(wanted.kind, values[wanted.name], (*path, wanted.name))
                if value is not kinds.UNREAD:
                    read[field] = value
                elif wanted.required:
                    complete = False
            elif wanted.required:
                complete = False
                self._missing(wanted, path)
        return cls(**read) if complete else kinds.UNREAD

    def _missing(self, wanted: declare.Key, path: key.Path) -> None:
        text = f"{key.shown(path) or 'the site'} must have the key {wanted.name!r}"
        hint = f"{wanted.doc} Example: {wanted.name} = {example(wanted.example)}"
        self.complain("missing-key", path, text, hint)

    def _refuse_unknown(
        self, values: dict[str, object], accepted: Mapping[str, declare.Key], path: key.Path
    ) -> None:
        for name in values:
            if name in accepted:
                continue
            near = nearest(name, list(accepted))
            written = self._origins.get((*path, name), (*path, name))[:-1]
            inside = f" in {key.shown(written)}" if written else ""
            self.complain(
                "unknown-key",
                (*path, name),
                f"unknown key {name[:MAX_SHOWN]!r}{inside}",
                f"did you mean {near!r}?" if near else "known are: " + ", ".join(accepted),
            )

    def _name(self, path: key.Path) -> str:
        return key.shown(self._origins.get(path, path))


def nearest(name: str, known: list[str]) -> str:
    """The known word most like `name`; empty when none is near."""
    if _KNOWN_AS.get(name) in known:
        return _KNOWN_AS[name]
    close = difflib.get_close_matches(name[:MAX_SHOWN], known, n=1, cutoff=0.55)
    return close[0] if close else ""


def shown(value: object) -> str:
    """The written value, cut to one short line, as TOML would show it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        text = value.encode("unicode_escape").decode()
        return '"' + (text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "...") + '"'
    if isinstance(value, int | float):
        return str(value)[:MAX_SHOWN] if abs(value) < 10**18 else "a huge number"
    return f"a {type(value).__name__}"


def example(value: object) -> str:
    """An example from a declaration, written as TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_bare(k)} = {example(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(example(each) for each in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime(INSTANT)
    return f'"{value}"' if isinstance(value, str) else str(value)


def _bare(name: str) -> str:
    return key.shown((name,))
