"""Where each key of a TOML text stands: a scanner for text that a TOML parser has accepted.

No TOML library packaged for Debian 12 and 13 reports positions (tomli, tomlkit, toml, rtoml:
values only), and a finding without its line is worth little, so the lines are found here. The
scanner relies on the text being valid and checks nothing again.
"""

import bisect
from dataclasses import dataclass, field
import re

import tomli

from offctl_cli.site import key

_BLANK = re.compile(r"[ \t]*")
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
)
_SCALAR = re.compile(r"[^,\]}#\r\n]*")


@dataclass(frozen=True, slots=True)
class Positions:
    """`lines`: key path to line, from 1. `headers`: tables with a `[header]` of their own."""

    lines: dict[key.Path, int]
    headers: dict[key.Path, int]


def scan(text: str) -> Positions:
    """The line of every table, key, and element of an array.

    An element is named by its index; a table that only exists because of what is below it has the
    line of the first such key. `text` must be valid TOML of bounded depth.
    """
    scanner = _Scanner(text)
    scanner.document()
    return Positions(scanner.lines, scanner.headers)


@dataclass(slots=True)
class _Scanner:
    text: str
    at: int = 0
    lines: dict[key.Path, int] = field(default_factory=dict)
    headers: dict[key.Path, int] = field(default_factory=dict)
    _elements: dict[key.Path, int] = field(default_factory=dict)  # arrays of tables: how many yet
    _ends: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ends = [match.start() for match in re.finditer("\n", self.text)]

    def document(self) -> None:
        inside: key.Path = ()
        self._skip(_SPACE)
        while self.at < len(self.text):
            if self.text.startswith("[", self.at):
                inside = self._header()
            else:
                self._pair(inside)
            self._skip(_SPACE)

    def _header(self) -> key.Path:
        line = self._line()
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        path = self._resolved(self._key(), array=array)
        self.at += 2 if array else 1
        self._note(path, line)
        self.headers[path] = line
        return path

    def _resolved(self, parts: tuple[str, ...], *, array: bool) -> key.Path:
        path: key.Path = ()
        for part in parts[:-1]:
            path = (*path, part)
            if path in self._elements:
                path = (*path, self._elements[path] - 1)
        path = (*path, parts[-1])
        if not array:
            return path
        self._elements[path] = self._elements.get(path, 0) + 1
        return (*path, self._elements[path] - 1)

    def _pair(self, inside: key.Path) -> None:
        line = self._line()
        path = (*inside, *self._key())
        self.at += 1  # the equals sign
        self._note(path, line)
        self._skip(_BLANK)
        self._value(path)

    def _key(self) -> tuple[str, ...]:
        """The parts of a dotted key; stops at what follows it."""
        parts: list[str] = []
        while True:
            self._skip(_BLANK)
            quoted = _STRING.match(self.text, self.at)
            found = quoted or _BARE_KEY.match(self.text, self.at)
            if found is None:
                raise ValueError(f"no key at character {self.at}")
            self.at = found.end()
            word = found.group()
            parts.append(str(tomli.loads(f"k={word}")["k"]) if quoted else word)
            self._skip(_BLANK)
            if not self.text.startswith(".", self.at):
                return tuple(parts)
            self.at += 1

    def _value(self, path: key.Path) -> None:
        if self.text.startswith("[", self.at):
            self._array(path)
        elif self.text.startswith("{", self.at):
            self._inline_table(path)
        else:
            string = _STRING.match(self.text, self.at)
            self.at = string.end() if string else self._skip(_SCALAR)

    def _array(self, path: key.Path) -> None:
        self.at += 1
        index = 0
        while True:
            self._skip(_SPACE)
            if self.text.startswith("]", self.at):
                break
            self._note((*path, index), self._line())
            self._value((*path, index))
            index += 1
            self._skip(_SPACE)
            if self.text.startswith(",", self.at):
                self.at += 1
        self.at += 1

    def _inline_table(self, path: key.Path) -> None:
        self.at += 1
        while True:
            self._skip(_SPACE)
            if self.text.startswith("}", self.at):
                break
            self._pair(path)
            self._skip(_SPACE)
            if self.text.startswith(",", self.at):
                self.at += 1
        self.at += 1

    def _note(self, path: key.Path, line: int) -> None:
        # A table that was only implied keeps its first line until its own header comes.
        for length in range(1, len(path)):
            self.lines.setdefault(path[:length], line)
        if path not in self.headers:
            self.lines[path] = line

    def _skip(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at

    def _line(self) -> int:
        return bisect.bisect_left(self._ends, self.at) + 1
