"""Frozen dataclasses as JSON values, written and strictly read by their own annotations.

A dataclass is an object with every one of its fields, a tuple a list, None null, an enum its value.
A union is told apart by shape: at most one of its members may be a list; of several objects each
must have its own set of keys.
"""

from collections.abc import Mapping
import dataclasses
import enum
import functools
import types
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from offctl import errors

_Value = TypeVar("_Value")

_DEEPEST = 16


def dump(value: object) -> Any:
    """What `json` takes, for a value made of dataclasses, tuples, enums and plain values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind: Any = type(value)
        return {name: dump(getattr(value, name)) for name in _hints(kind)}
    if isinstance(value, tuple | frozenset):
        return [dump(item) for item in (sorted(value) if isinstance(value, frozenset) else value)]
    return value.value if isinstance(value, enum.Enum) else value


def load(kind: type[_Value], document: object, what: str) -> _Value:
    """The `kind` that `document` spells; raises MalformedError, naming `what` and the field."""
    found: _Value = _load(kind, document, what, 0)
    return found


def _load(kind: Any, document: object, where: str, depth: int) -> Any:
    if depth > _DEEPEST:
        raise _wrong(where, "less deep")
    if get_origin(kind) in (Union, types.UnionType):
        kind = _member(get_args(kind), document, where)
    if kind is type(None):
        return None
    if get_origin(kind) is tuple:
        return _tuple(get_args(kind), document, where, depth)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, document, where, depth)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        if document not in [member.value for member in kind]:
            raise _wrong(where, f"one of {', '.join(str(member.value) for member in kind)}")
        return kind(document)
    # A boolean is no integer.
    if type(document) is not kind:
        raise _wrong(where, {str: "a string", int: "an integer", bool: "true or false"}[kind])
    return document


def _tuple(kinds: tuple[Any, ...], document: object, where: str, depth: int) -> tuple[Any, ...]:
    if not isinstance(document, list):
        raise _wrong(where, "a list")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = kinds[:1] * len(document)
    if len(kinds) != len(document):
        raise _wrong(where, f"a list of {len(kinds)}")
    return tuple(
        _load(kind, item, f"{where}[{number}]", depth + 1)
        for number, (kind, item) in enumerate(zip(kinds, document, strict=True))
    )


def _dataclass(kind: Any, document: object, where: str, depth: int) -> Any:
    hints = _hints(kind)
    if not isinstance(document, dict) or document.keys() != hints.keys():
        raise _wrong(where, f"a table of {', '.join(hints)}")
    return kind(
        **{
            name: _load(hint, document[name], f"{where}.{name}", depth + 1)
            for name, hint in hints.items()
        }
    )


def _member(kinds: tuple[Any, ...], document: object, where: str) -> Any:
    """Which of the members of a union a document can only be."""
    for kind in kinds:
        if document is None and kind is type(None):
            return kind
        if isinstance(document, list) and get_origin(kind) is tuple:
            return kind
        if isinstance(document, dict) and dataclasses.is_dataclass(kind):
            shape: Any = kind
            if document.keys() == _hints(shape).keys():
                return kind
        elif type(document) is kind:
            return kind
    raise _wrong(where, "something that may stand there")


@functools.cache
def _hints(kind: Any) -> Mapping[str, Any]:
    known = get_type_hints(kind)
    return {field.name: known[field.name] for field in dataclasses.fields(kind)}


def _wrong(where: str, expected: str) -> errors.MalformedError:
    return errors.MalformedError(f"cannot read {where[:200]}: it must be {expected}")
