"""What is wrong with a site, where, and what to do: collected, never raised one at a time."""

from dataclasses import dataclass
import enum


class Severity(enum.Enum):
    """An error keeps a site from being signed; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something is written; line 0 means the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Finding:
    """One complaint. `file` is relative to where the site was named; `code` is stable."""

    severity: Severity
    code: str
    file: str
    line: int
    text: str
    hint: str = ""

    def __str__(self) -> str:
        where = Place(self.file, self.line)
        return f"{where}: {self.severity.value}[{self.code}]: {self.text}"

    def as_json(self) -> dict[str, str | int]:
        """The finding for programs, every field always there."""
        return {
            "severity": self.severity.value,
            "code": self.code,
            "file": self.file,
            "line": self.line,
            "text": self.text,
            "hint": self.hint,
        }


def error(code: str, place: Place, text: str, hint: str = "") -> Finding:
    """An error at `place`."""
    return Finding(Severity.ERROR, code, place.file, place.line, text, hint)


def warning(code: str, place: Place, text: str, hint: str = "") -> Finding:
    """A warning at `place`."""
    return Finding(Severity.WARNING, code, place.file, place.line, text, hint)


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Each finding once, by file and line, in the order they were found within a line."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda each: (each.file, each.line)))
