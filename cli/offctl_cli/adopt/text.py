"""A merged site as files, each table where people look for it."""

from typing import Any

from offctl import tomltext
from offctl_cli.adopt.folding import Folded

Table = dict[str, Any]

FILES = {
    "clusters": "hosts.toml",
    "flavors": "applications.toml",
    "applications": "applications.toml",
    "datasets": "datasets.toml",
    "profiles": "profiles.toml",
    "tunnels": "tunnels.toml",
}
# These stand in a table of their own below the one they belong to.
_BELOW = ("identity", "unmanaged", "directories", "networks", "mounts", "volumes")
_KINDS = {"datasets": "dataset", "containers": "container", "tunnels": "tunnel"}


def files(folded: Folded) -> dict[str, str]:
    """The text of each file by its name below the site's directory."""
    texts: dict[str, list[str]] = {}
    for section, tables in folded.tables.items():
        if section == "site":
            continue
        for name, table in tables.items():
            file = FILES.get(section) or _of_a_host(section, name, table)
            around = folded.heads.get(name, ()) if section == "hosts" else ()
            if around:
                texts.setdefault(file, []).append(tomltext.comment(around))
            told = folded.remarks.get((_KINDS.get(section, ""), name), [])
            texts.setdefault(file, []).append(
                tomltext.comment(told) + _table((section, name), table)
            )
    include = sorted(texts)
    head = f"include = {tomltext.value([*include, 'identities/*.toml'])}\n\n"
    entry = head + tomltext.header("site") + tomltext.lines(folded.tables["site"])
    return {"site.toml": entry} | {file: "\n".join(parts) for file, parts in texts.items()}


def _of_a_host(section: str, name: str, table: Table) -> str:
    host = name if section == "hosts" else table.get("host", "all")
    return f"{section}/{host}.toml"


def _table(path: tuple[str, ...], table: Table) -> str:
    below = {word: table[word] for word in _BELOW if isinstance(table.get(word), dict)}
    plain = {word: value for word, value in table.items() if word not in below}
    place = plain.pop("place", None)
    # Its inner tables say enough of one that has nothing of its own.
    text = tomltext.header(*path) if plain or place or not below else ""
    if isinstance(place, dict):
        text += "".join(
            f"place.{tomltext.key(host)} = {tomltext.value(each)}\n" for host, each in place.items()
        )
    text += tomltext.lines(plain)
    for word, inner in below.items():
        if word in ("networks", "volumes"):
            for name, each in inner.items():
                text += "\n" + tomltext.header(*path, word, name) + tomltext.lines(each)
        else:
            text += "\n" + tomltext.header(*path, word) + tomltext.lines(inner)
    return text.removeprefix("\n")
