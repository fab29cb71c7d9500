"""The JSON Schema of a site's files, and the tables of keys in the manual: both from the model."""

from collections.abc import Iterator
import re
from typing import Any

from offctl_cli.site import declare, kinds, model
from offctl_cli.site.reader import example

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ID = "https://openfoodfacts.org/offctl/site.schema.json"

_SECTION = re.compile(r"(<!-- keys: (?P<table>[a-z._*]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def document() -> dict[str, Any]:
    """The schema of any one file of a site, for editors; draft 2020-12.

    Weaker than the reader in one way: a file may hold any part of the site, and a container may
    leave to its profiles what a table needs, so little is required.
    """
    whole = declare.schema(model.Tables)
    whole.pop("required", None)
    for name, table in whole["properties"].items():
        table["title"] = f"[{name}]" if name in ("site", "include") else f"[{name}.*]"
        if name in ("containers", "profiles", "flavors"):
            _relax(table, top=True)
    return {"$schema": DIALECT, "$id": ID, "title": "offctl site", **whole}


def tables() -> dict[str, type]:
    """Every table of the language by a header it is written under."""
    found: dict[str, type] = {}
    # What a flavor writes for its container is a container: named by its usual header.
    every = declare.keys(model.Tables).values()
    for wanted in sorted(every, key=lambda each: each.name != "containers"):
        for path, cls in _tables(wanted.name, wanted.kind):
            if cls not in found.values():
                found[path] = cls
    return found


def keys(cls: type) -> str:
    """The keys of one table as a Markdown table."""
    rows = [
        f"| `{each.name}`{' (required)' if each.required else ''} | {_cell(each.doc)} "
        f"| {_cell(each.kind.words())} | `{_cell(example(each.example))}` |"
        for each in declare.keys(cls).values()
    ]
    return "\n".join(["| key | meaning | value | example |", "|---|---|---|---|", *rows, ""])


def renewed(text: str) -> str:
    """`text` with what stands between `<!-- keys: TABLE -->` and `<!-- end -->` made anew.

    Raises KeyError for a table that is not in the model.
    """
    known = tables()
    return _SECTION.sub(lambda match: match[1] + keys(known[match["table"]]) + match[3], text)


def documented(text: str) -> list[str]:
    """The tables whose keys `text` lists."""
    return [match["table"] for match in _SECTION.finditer(text)]


def _tables(path: str, kind: kinds.Kind) -> Iterator[tuple[str, type]]:
    if isinstance(kind, kinds.Setting):
        yield from _tables(path, kind.kind)
    elif isinstance(kind, kinds.MapOf):
        yield from _tables(path + ".*", kind.element)
    elif isinstance(kind, kinds.ListOf):
        yield from _tables(path, kind.element)
    elif isinstance(kind, kinds.TableOf):
        yield path, kind.cls
        for each in declare.keys(kind.cls).values():
            yield from _tables(f"{path}.{each.name}", each.kind)


def _relax(schema: object, *, top: bool) -> None:
    if isinstance(schema, list):
        for each in schema:
            _relax(each, top=top)
    elif isinstance(schema, dict):
        if isinstance(schema.get("required"), list):
            schema["required"] = [name for name in schema["required"] if top and name == "id"]
        for word, each in schema.items():
            if word not in ("examples", "enum", "required"):
                _relax(each, top=top and word != "properties")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "\\n")
