"""One table of a document that a machine wrote, read with strict types.

A table comes from TOML or JSON; this module knows neither. Every surprise is a MalformedError.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
import re
from typing import Any

from offctl import errors

MAX_INTEGER = 2**53 - 1
INSTANT = "%Y-%m-%dT%H:%M:%SZ"

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Table:
    """One TOML table whose getters check types strictly (a boolean is no integer).

    Every getter removes what it reads; `finish()` refuses what is left, so that an unknown key is
    always an error.
    """

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self._values = dict(values)
        self.where = where

    def has(self, key: str) -> bool:
        """Whether `key` is there and not read yet."""
        return key in self._values

    def is_null(self, key: str) -> bool:
        """Whether `key` holds JSON's null; takes it away then."""
        if key in self._values and self._values[key] is None:
            del self._values[key]
            return True
        return False

    def _take(self, key: str, default: object = None, *, required: bool = False) -> object:
        if key in self._values:
            return self._values.pop(key)
        if required:
            raise errors.MalformedError(f"cannot read {self.where}: {key!r} is missing")
        return default

    def _wrong(self, key: str, expected: str, value: object) -> errors.MalformedError:
        return errors.MalformedError(
            f"cannot read {self.where}: {key!r} must be {expected}, not {_shown(value)}"
        )

    def string(self, key: str, default: str | None = None) -> str:
        """A string without control characters except newline and tab."""
        value = self._take(key, default, required=default is None)
        if not isinstance(value, str):
            raise self._wrong(key, "a string", value)
        if _CONTROL.search(value):
            raise self._wrong(key, "a string without control characters", value)
        return value

    def choice(self, key: str, among: tuple[str, ...], default: str | None = None) -> str:
        """One of a closed list of words."""
        value = self.string(key, default)
        if value not in among:
            raise self._wrong(key, f"one of {', '.join(among)}", value)
        return value

    def matching(self, key: str, pattern: re.Pattern[str], default: str | None = None) -> str:
        """A string that matches `pattern` from end to end."""
        value = self.string(key, default)
        if value != default and not pattern.fullmatch(value):
            raise self._wrong(key, f"like {pattern.pattern}", value)
        return value

    def integer(
        self, key: str, default: int | None = None, *, least: int = 0, most: int = MAX_INTEGER
    ) -> int:
        value = self._take(key, default, required=default is None)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(key, "an integer", value)
        if not least <= value <= most:
            raise self._wrong(key, f"between {least} and {most}", value)
        return value

    def optional_integer(self, key: str, *, least: int = 0, most: int = MAX_INTEGER) -> int | None:
        return self.integer(key, least=least, most=most) if key in self._values else None

    def boolean(self, key: str, default: bool | None = None) -> bool:
        value = self._take(key, default, required=default is None)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def time(self, key: str) -> datetime:
        """A date and time with an offset, given in UTC."""
        value = self._take(key, required=True)
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise self._wrong(key, "a date and time with its offset from UTC", value)
        try:
            return value.astimezone(UTC)
        except OverflowError:  # its offset carries it out of the years 1 to 9999
            raise self._wrong(key, "between the years 1 and 9999 in UTC", value) from None

    def instant(self, key: str) -> datetime:
        """A time in JSON: RFC 3339 in UTC, ending in Z."""
        text = self.string(key)
        try:
            return datetime.strptime(text, INSTANT).replace(tzinfo=UTC)
        except ValueError:
            raise self._wrong(key, "a time like 2026-01-31T23:59:59Z", text) from None

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of strings; absent means empty."""
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(key, "a list of strings", value)
        return tuple(value)

    def string_map(self, key: str) -> tuple[tuple[str, str], ...]:
        """A table of strings, sorted by key; absent means empty."""
        value = self._take(key, {})
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise self._wrong(key, "a table of strings", value)
        return tuple(sorted(value.items()))

    def table(self, key: str) -> "Table":
        value = self._take(key, required=True)
        if not isinstance(value, dict):
            raise self._wrong(key, "a table", value)
        return Table(value, f"{self.where}: {key}")

    def optional_table(self, key: str) -> "Table | None":
        return self.table(key) if key in self._values else None

    def named_tables(self, key: str) -> Iterator[tuple[str, "Table"]]:
        """The tables `[key.NAME]`, sorted by name; absent means none."""
        value = self._take(key, {})
        if not isinstance(value, dict) or not all(isinstance(v, dict) for v in value.values()):
            raise self._wrong(key, "a table of tables", value)
        for name in sorted(value):
            yield name, Table(value[name], f"{self.where}: {key}.{name}")

    def tables(self, key: str) -> Iterator["Table"]:
        """The tables `[[key]]`, in order; absent means none."""
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
            raise self._wrong(key, "a list of tables", value)
        for number, item in enumerate(value, 1):
            yield Table(item, f"{self.where}: {key}[{number}]")

    def finish(self) -> None:
        """Refuse whatever no getter asked for."""
        if self._values:
            unknown = ", ".join(sorted(repr(key) for key in self._values))
            raise errors.MalformedError(f"cannot read {self.where}: unknown key {unknown}")


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python does not print integers beyond 4,300 digits
        text = "a huge number"
    return text if len(text) <= 80 else text[:77] + "..."
