# ruff: noqa: ANN401 - a kind reads whatever TOML holds
"""What a key of the site may hold: one object per shape of value.

Every kind reads a value, says in words what it wants, and gives its JSON Schema; the tables in
`tables/` are declared with them once, and parsing, messages, schema and reference derive from it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
import enum
import re
from types import MappingProxyType
from typing import Any, Protocol

from offctl_cli.site import key

MAX_TEXT = 8192
PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*")


class Default(enum.Enum):
    """The written word "default": the option must be absent, so that PVE's own default holds."""

    DEFAULT = "default"


class UnfitError(Exception):
    """A value is not of its kind. Stays between the kinds and the reader."""

    def __init__(self, code: str, wanted: str, hint: str = "") -> None:
        super().__init__(wanted)
        self.code = code
        self.wanted = wanted
        self.hint = hint


class Unread(enum.Enum):
    """What the reader gives for a value it has already complained about."""

    UNREAD = enum.auto()


UNREAD = Unread.UNREAD


class ValueReader(Protocol):
    """How a kind has its elements read, so that one bad element is one finding."""

    def value(self, kind: "Kind", value: object, path: key.Path) -> Any:
        """The value read, or UNREAD after a complaint."""

    def table(self, cls: type, values: object, path: key.Path) -> Any:
        """The table read, or UNREAD after a complaint."""

    def complain(self, code: str, path: key.Path, text: str, hint: str = "") -> None:
        """Collect one error at `path`."""


class Kind(Protocol):
    """One shape of value."""

    def read(self, value: object, path: key.Path, reader: ValueReader) -> Any:
        """The value as the model holds it; raises UnfitError."""

    def words(self) -> str:
        """What is wanted, to follow "must be"."""

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the value as written."""


def accept_all(text: str) -> str:
    """No complaint."""
    del text
    return ""


@dataclass(frozen=True, slots=True)
class Text:
    """A string, not empty, without control characters; `complaint` says what is wrong with one."""

    what: str = "a text"
    pattern: re.Pattern[str] | None = None
    complaint: Callable[[str], str] = accept_all
    multiline: bool = False
    most: int = MAX_TEXT

    def read(self, value: object, path: key.Path, reader: ValueReader) -> str:
        del path, reader
        if not isinstance(value, str):
            raise UnfitError("wrong-type", self.words())
        plain = value.replace("\n", "").replace("\t", "") if self.multiline else value
        if not value or len(value) > self.most or not PRINTABLE.fullmatch(plain):
            raise UnfitError(
                "bad-value", f"{self.words()}, 1 to {self.most} characters, none of them control"
            )
        if self.pattern is not None and not self.pattern.fullmatch(value):
            raise UnfitError("bad-value", self.words())
        complaint = self.complaint(value)
        if complaint:
            raise UnfitError("bad-value", self.words(), complaint)
        return value

    def words(self) -> str:
        return self.what

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": self.most}
        if self.pattern is not None:
            schema["pattern"] = f"^(?:{_ecma(self.pattern.pattern)})$"
        elif not self.multiline:
            schema["pattern"] = r"^[^\x00-\x1f\x7f]*$"
        return schema


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a closed list of words; given an enum, its member."""

    choices: tuple[str, ...]
    members: type[enum.Enum] | None = None

    def read(self, value: object, path: key.Path, reader: ValueReader) -> str | enum.Enum:
        del path, reader
        if not isinstance(value, str):
            raise UnfitError("wrong-type", self.words())
        if value not in self.choices:
            raise UnfitError("bad-value", self.words())
        return value if self.members is None else self.members(value)

    def words(self) -> str:
        return "one of " + ", ".join(f'"{choice}"' for choice in self.choices)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.choices)}


def member(cls: type[enum.Enum]) -> Choice:
    """The kind whose values are the members of an enum, written by their values."""
    return Choice(tuple(each.value for each in cls), cls)


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number within bounds, both included."""

    least: int
    most: int
    unit: str = ""

    def read(self, value: object, path: key.Path, reader: ValueReader) -> int:
        del path, reader
        if isinstance(value, bool) or not isinstance(value, int):
            raise UnfitError("wrong-type", self.words())
        if not self.least <= value <= self.most:
            raise UnfitError("out-of-range", self.words())
        return value

    def words(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"a whole number from {self.least} to {self.most}{unit}"

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Number:
    """A number, whole or decimal, within bounds; held in the shortest decimal text."""

    least: int
    most: int

    def read(self, value: object, path: key.Path, reader: ValueReader) -> str:
        del path, reader
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UnfitError("wrong-type", self.words())
        if not self.least <= value <= self.most:  # also refuses nan
            raise UnfitError("out-of-range", self.words())
        return f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)

    def words(self) -> str:
        return f"a number from {self.least} to {self.most}"

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Boolean:
    """true or false."""

    def read(self, value: object, path: key.Path, reader: ValueReader) -> bool:
        del path, reader
        if not isinstance(value, bool):
            raise UnfitError("wrong-type", self.words())
        return value

    def words(self) -> str:
        return "true or false"

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment in TOML's own form, to the second and with its offset; held in UTC."""

    def read(self, value: object, path: key.Path, reader: ValueReader) -> datetime:
        del path, reader
        if not isinstance(value, datetime):
            raise UnfitError("wrong-type", self.words(), "written without quotes")
        if value.tzinfo is None:
            raise UnfitError("bad-value", self.words(), "end it in Z, or in an offset as +02:00")
        try:
            return value.astimezone(UTC).replace(microsecond=0)
        except OverflowError:
            raise UnfitError("out-of-range", self.words()) from None

    def words(self) -> str:
        return "a date and time with its offset, such as 2026-01-31T18:00:00Z"

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list, without doubles where `distinct`.

    With `or_one`, a single element may stand without brackets.
    """

    element: Kind
    most: int = 256
    or_one: bool = False
    distinct: bool = True

    def read(self, value: object, path: key.Path, reader: ValueReader) -> tuple[Any, ...]:
        if not isinstance(value, list):
            if not self.or_one:
                raise UnfitError("wrong-type", self.words())
            return (self.element.read(value, path, reader),)
        if len(value) > self.most:
            raise UnfitError("out-of-range", f"{self.words()}, at most {self.most} of them")
        read = [reader.value(self.element, each, (*path, i)) for i, each in enumerate(value)]
        kept: list[Any] = []
        for position, each in enumerate(read):
            if each is not UNREAD and self.distinct and each in kept:
                text = f"{key.shown((*path, position))} stands in the list already"
                reader.complain("listed-twice", (*path, position), text, "remove one of the two")
            elif each is not UNREAD:
                kept.append(each)
        return tuple(kept)

    def words(self) -> str:
        return f"a list, each {self.element.words()}"

    def schema(self) -> dict[str, Any]:
        schema = {
            "type": "array",
            "items": self.element.schema(),
            "maxItems": self.most,
            "uniqueItems": self.distinct,
        }
        return {"anyOf": [self.element.schema(), schema]} if self.or_one else schema


@dataclass(frozen=True, slots=True)
class MapOf:
    """A table whose keys the operator chooses; keys keep the order they were written in."""

    names: Text
    element: Kind
    most: int = 4096

    def read(self, value: object, path: key.Path, reader: ValueReader) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise UnfitError("wrong-type", self.words())
        if len(value) > self.most:
            raise UnfitError("out-of-range", f"{self.words()}, at most {self.most} of them")
        read: dict[str, Any] = {}
        for name, each in value.items():
            try:
                self.names.read(name, path, reader)
            except UnfitError as unfit:
                text = f"{key.shown((*path, name))}: the name must be {unfit.wanted}"
                reader.complain("bad-name", (*path, name), text, unfit.hint)
                continue
            element = reader.value(self.element, each, (*path, name))
            if element is not UNREAD:
                read[name] = element
        return MappingProxyType(read)

    def words(self) -> str:
        return f"a table of {self.names.what} = {self.element.words()}"

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "propertyNames": self.names.schema(),
            "additionalProperties": self.element.schema(),
        }


@dataclass(frozen=True, slots=True)
class TableOf:
    """A table with the keys of one dataclass; a plain value may stand for its key `short`."""

    cls: type
    short: str = ""
    short_kind: Kind = field(default_factory=Text)

    def read(self, value: object, path: key.Path, reader: ValueReader) -> Any:
        if isinstance(value, dict):
            return reader.table(self.cls, value, path)
        if not self.short:
            raise UnfitError("wrong-type", self.words())
        read = self.short_kind.read(value, path, reader)
        return reader.table(self.cls, {self.short: read}, path)

    def words(self) -> str:
        return f"{self.short_kind.words()}, or a table" if self.short else "a table"

    def schema(self) -> dict[str, Any]:
        from offctl_cli.site import declare

        table = declare.schema(self.cls)
        return {"anyOf": [self.short_kind.schema(), table]} if self.short else table


@dataclass(frozen=True, slots=True)
class Setting:
    """One of the three written states: a value, "default" (must be absent), or not written."""

    kind: Kind

    def read(self, value: object, path: key.Path, reader: ValueReader) -> Any:
        if value == Default.DEFAULT.value:
            return Default.DEFAULT
        return self.kind.read(value, path, reader)

    def words(self) -> str:
        return f'{self.kind.words()} (or "default")'

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"const": Default.DEFAULT.value}, self.kind.schema()]}


def _ecma(pattern: str) -> str:
    return pattern.replace("(?P<", "(?<").replace(r"\Z", "$")
