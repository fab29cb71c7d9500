# ruff: noqa: ANN401 - a declaration stands for its value
"""Declaring a table of the site once, as a frozen dataclass whose fields carry what they accept."""

from collections.abc import Mapping
import dataclasses
from dataclasses import dataclass
from datetime import datetime
import functools
from types import MappingProxyType
from typing import Any

from offctl.tables import INSTANT
from offctl_cli.site import kinds


@dataclass(frozen=True, slots=True)
class Key:
    """What one key accepts: written name, kind, one sentence, an example, and whether needed."""

    name: str
    kind: kinds.Kind
    doc: str
    example: object
    required: bool


def required(kind: kinds.Kind, doc: str, *, example: object, name: str = "") -> Any:
    """A key that must be written; `name` where the field cannot carry the written name."""
    return dataclasses.field(metadata={"key": (name, kind, doc, example, True)})


def optional(
    kind: kinds.Kind, doc: str, *, example: object, default: Any = None, name: str = ""
) -> Any:
    """A key that may be left out; then the field holds `default`."""
    return dataclasses.field(default=default, metadata={"key": (name, kind, doc, example, False)})


def table(kind: kinds.Kind, doc: str, *, example: object, name: str = "") -> Any:
    """A key that holds a map and may be left out; then the field holds an empty one."""
    return dataclasses.field(
        default_factory=empty, metadata={"key": (name, kind, doc, example, False)}
    )


def empty() -> Mapping[str, Any]:
    """A map with nothing in it."""
    return MappingProxyType({})


@functools.cache
def keys(cls: type) -> Mapping[str, Key]:
    """Field name to what it accepts, in the order of declaration."""
    found = {}
    for field in dataclasses.fields(cls):
        name, kind, doc, example, needed = field.metadata["key"]
        found[field.name] = Key(name or field.name, kind, doc, example, needed)
    return MappingProxyType(found)


def summary(cls: type) -> str:
    """The first sentence of the table's docstring."""
    return " ".join((cls.__doc__ or "").split("\n\n", maxsplit=1)[0].split())


def schema(cls: type) -> dict[str, Any]:
    """The JSON Schema of the table, with every key's sentence as its description."""
    of = keys(cls).values()
    properties = {
        each.name: {
            "description": each.doc,
            "examples": [_plain(each.example)],
            **each.kind.schema(),
        }
        for each in of
    }
    described: dict[str, Any] = {
        "type": "object",
        "description": summary(cls),
        "additionalProperties": False,
        "properties": properties,
    }
    needed = [each.name for each in of if each.required]
    return {**described, "required": needed} if needed else described


def _plain(example: object) -> object:
    """The example as JSON has it, which knows no moments."""
    if isinstance(example, dict):
        return {name: _plain(value) for name, value in example.items()}
    return example.strftime(INSTANT) if isinstance(example, datetime) else example
