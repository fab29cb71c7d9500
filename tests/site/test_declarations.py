"""Every key of the site language is declared well: its example is accepted, its sentence ends."""

from collections.abc import Iterator
import json

import pytest
import tomli

from offctl_cli.site import declare, finding, kinds, model, reader
from offctl_cli.site.tables.containers import Container


def inner(kind: kinds.Kind) -> Iterator[type]:
    if isinstance(kind, kinds.TableOf):
        yield kind.cls
    elif isinstance(kind, kinds.Setting):
        yield from inner(kind.kind)
    elif isinstance(kind, kinds.MapOf | kinds.ListOf):
        yield from inner(kind.element)


def tables(cls: type, seen: set[type]) -> Iterator[type]:
    if cls in seen:
        return
    seen.add(cls)
    yield cls
    for each in declare.keys(cls).values():
        for below in inner(each.kind):
            yield from tables(below, seen)


TABLES = list(tables(model.Tables, set()))
KEYS = [(cls, field) for cls in TABLES for field in declare.keys(cls)]


def test_all_tables_are_found() -> None:
    names = {cls.__name__ for cls in TABLES}
    assert {"Organisation", "Host", "Dataset", "Container", "Options", "Tunnel", "Route"} <= names
    assert len(KEYS) > 150


@pytest.mark.parametrize(("cls", "field"), KEYS, ids=lambda each: getattr(each, "__name__", each))
def test_key(cls: type, field: str) -> None:
    declared = declare.keys(cls)[field]
    whole = finding.Place("site.toml", 0)
    reading = reader.Reader({}, {}, whole)
    value = reading.value(declared.kind, declared.example, (declared.name,))
    if declared.name not in ("tunnels", "routes"):  # their example is one key of several
        assert [str(each) for each in reading.findings if each.code != "missing-key"] == []
        assert value is not kinds.UNREAD or reading.findings
    assert declared.doc.endswith(".")
    assert declared.kind.words()
    tomli.loads(f"example = {reader.example(declared.example)}".replace("\n", "\\n"))


@pytest.mark.parametrize("cls", TABLES)
def test_table(cls: type) -> None:
    schema = declare.schema(cls)
    assert json.loads(json.dumps(schema)) == schema
    assert schema["additionalProperties"] is False
    assert schema["description"].endswith(".")
    needed = {each.name for each in declare.keys(cls).values() if each.required}
    assert set(schema.get("required", [])) == needed


def test_an_empty_table_reads_as_its_defaults() -> None:
    for cls in TABLES:
        if not any(each.required for each in declare.keys(cls).values()):
            reading = reader.Reader({}, {}, finding.Place("site.toml", 0))
            assert reading.table(cls, {}, ("t",)) == cls()
            assert reading.findings == []


@pytest.mark.parametrize(
    ("written", "nearest"),
    [
        ("memroy", "memory"),
        ("mount", "mounts"),
        ("mnt", "mounts"),
        ("ram", "memory"),
        ("vmid", "id"),
        ("zzzz", ""),
        ("m" * 100_000, ""),
    ],
)
def test_suggestion(written: str, nearest: str) -> None:
    keys = [each.name for each in declare.keys(Container).values()]
    assert reader.nearest(written, keys) == nearest
