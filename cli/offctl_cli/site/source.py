"""The files of a site: found, read within bounds, and merged, each key with its place.

This is the only module of the site language that touches the file system.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
import re
from typing import Any

import tomli

from offctl import errors, files
from offctl_cli.site import finding, key, positions

ENTRY = "site.toml"
SYNTAX = "toml-syntax"  # the code of findings that leave a file unread
MAX_FILE = 1024 * 1024
MAX_FILES = 1000
MAX_TOTAL = 8 * 1024 * 1024
MAX_DEPTH = 24

# tomli takes quadratic time for long dotted keys and recurses into brackets (RecursionError).
_KEY_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]{0,256}"|'[^'\n]{0,256}')[ \t]*\.[ \t]*"""
_DEEP_KEY = re.compile(f"(?:{_KEY_PART}){{{MAX_DEPTH}}}")
_AT_LINE = re.compile(r" \(at (?:line (?P<line>[0-9]+), column [0-9]+|end of document)\)\Z")


@dataclass(frozen=True, slots=True)
class Source:
    """The merged tables of all files, and where each key path is written."""

    tables: dict[str, Any]
    places: Mapping[key.Path, finding.Place]
    whole: finding.Place
    findings: tuple[finding.Finding, ...]


def read(path: Path) -> Source:
    """Read a site from its directory or its site.toml.

    Raises AdminError when site.toml itself cannot be read; everything else is a finding.
    """
    entry = path if path.name.endswith(".toml") and not path.is_dir() else path / ENTRY
    root = entry.parent
    content = files.require(_real(entry), limit=MAX_FILE)
    merged = _Merged(root, finding.Place(str(entry), 0))
    tables = merged.parse(content, str(entry))
    if tables is None:
        return merged.source()
    patterns = tables.get("include", [])
    merged.add(tables, str(entry))
    for name in merged.included(patterns if isinstance(patterns, list) else []):
        merged.read(name)
    return merged.source()


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # a loop of symbolic links
        raise errors.AdminError(f"cannot read {path}: {error}") from None


@dataclass(slots=True)
class _Merged:
    root: Path
    whole: finding.Place
    tables: dict[str, Any] = field(default_factory=dict)
    places: dict[key.Path, finding.Place] = field(default_factory=dict)
    headers: dict[key.Path, finding.Place] = field(default_factory=dict)
    findings: list[finding.Finding] = field(default_factory=list)
    total: int = 0
    _scanned: positions.Positions = field(default_factory=lambda: positions.Positions({}, {}))

    def source(self) -> Source:
        return Source(self.tables, self.places, self.whole, tuple(self.findings))

    def included(self, patterns: list[object]) -> Iterator[str]:
        """The files that the patterns name, each once, sorted within a pattern."""
        seen = {self.whole.file}
        for index, pattern in enumerate(patterns):
            place = self.places.get(("include", index), self.whole)
            if not isinstance(pattern, str) or not pattern:
                continue  # the reader complains about its type
            complaint = _pattern_complaint(pattern)
            if complaint:
                self._refuse("include", place, f"cannot include {pattern!r}: {complaint}")
                continue
            found = self._matching(pattern)
            if not found and "*" not in pattern:
                text = f"cannot include {pattern!r}: there is no such file below {self.root}"
                self._refuse("include", place, text, "a pattern with `*` may match nothing")
            for name in found:
                if name not in seen and len(seen) > MAX_FILES:
                    text = f"cannot include {pattern!r}: more than {MAX_FILES} files"
                    self._refuse("include", place, text)
                    return
                if name not in seen:
                    seen.add(name)
                    yield name

    def _matching(self, pattern: str) -> list[str]:
        try:
            return sorted(str(each) for each in self.root.glob(pattern) if not each.is_dir())
        except (OSError, ValueError):
            return []

    def read(self, name: str) -> None:
        """Read one included file and merge it."""
        place = finding.Place(name, 0)
        try:
            real = _real(Path(name))
            if not real.is_relative_to(_real(self.root)):
                text = f"cannot include {name}: it leads outside the site's directory, to {real}"
                self._refuse("include", place, text, "copy the file into the site")
                return
            content = files.require(real, limit=MAX_FILE)
        except errors.AdminError as error:
            self._refuse("include", place, str(error), error.hint)
            return
        self.total += len(content)
        if self.total > MAX_TOTAL:
            self._refuse("include", place, f"the site is larger than {MAX_TOTAL} bytes in all")
            return
        tables = self.parse(content, name)
        if tables is None:
            return
        if "include" in tables:
            at = finding.Place(name, self._scanned.lines.get(("include",), 0))
            self._refuse("include", at, f"only {ENTRY} can include other files")
            del tables["include"]
        self.add(tables, name)

    def parse(self, content: bytes, name: str) -> dict[str, Any] | None:
        """The tables of one file, its positions scanned; None after a complaint."""
        try:
            # TOML ends lines with LF or CRLF; tomli reads both as LF.
            text = content.decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            place = finding.Place(name, line)
            self._refuse(SYNTAX, place, f"not UTF-8: byte 0x{content[error.start]:02x}")
            return None
        match = _DEEP_KEY.search(text)
        if match:
            place = finding.Place(name, text.count("\n", 0, match.start()) + 1)
            self._refuse(SYNTAX, place, f"a key has more than {MAX_DEPTH} parts")
            return None
        try:
            tables = tomli.loads(text)
            self._scanned = positions.scan(text)
        except (tomli.TOMLDecodeError, RecursionError, ValueError) as error:
            self._refuse_syntax(name, text, error)
            return None
        return tables

    def _refuse_syntax(self, name: str, text: str, error: Exception) -> None:
        said = str(error) if not isinstance(error, RecursionError) else "nested too deeply"
        match = _AT_LINE.search(said)
        last = text.count("\n") + (0 if text.endswith("\n") else 1)
        line = 0 if match is None else int(match["line"] or last)
        place = finding.Place(name, line)
        self._refuse(SYNTAX, place, f"not TOML: {_AT_LINE.sub('', said)[:200]}")

    def add(self, tables: dict[str, Any], name: str) -> None:
        """Merge one file's tables; what stands in two files is an error naming both."""
        refused: set[key.Path] = set()
        for path, line in self._scanned.headers.items():
            here = finding.Place(name, line)
            if path in self.headers and not any(isinstance(part, int) for part in path):
                refused.add(path)
                self._refuse_twice(path, here, self.headers[path])
            self.headers.setdefault(path, here)
        self._merge(self.tables, tables, (), name, refused)
        for path, line in self._scanned.lines.items():
            self.places.setdefault(path, finding.Place(name, line))

    def _merge(
        self,
        into: dict[str, Any],
        tables: dict[str, Any],
        path: key.Path,
        name: str,
        refused: set[key.Path],
    ) -> None:
        for word, value in tables.items():
            below = (*path, word)
            here = finding.Place(name, self._scanned.lines.get(below, 0))
            if word not in into:
                into[word] = value
            elif isinstance(into[word], dict) and isinstance(value, dict):
                # Said once, at the table; its keys that differ are still merged and checked.
                self._merge(into[word], value, below, name, refused)
            elif not any(below[:length] in refused for length in range(1, len(below) + 1)):
                self._refuse_twice(below, here, self.places[below])

    def _refuse_twice(self, path: key.Path, here: finding.Place, there: finding.Place) -> None:
        text = f"{key.shown(path)} stands here and at {there}"
        self._refuse("defined-twice", here, text, "keep it in one of the two files")

    def _refuse(self, code: str, place: finding.Place, text: str, hint: str = "") -> None:
        self.findings.append(finding.error(code, place, text, hint))


def _pattern_complaint(pattern: str) -> str:
    if pattern.startswith(("/", "~")) or "\\" in pattern or "\0" in pattern:
        return "it must be relative to the site's directory"
    parts = PurePosixPath(pattern).parts
    if ".." in parts or not parts:
        return "it must stay in the site's directory"
    if "**" in pattern:
        return "`**` is not supported, name the directories"
    if not pattern.endswith(".toml"):
        return "it must end in .toml"
    return ""
