"""What a check of the doctor found: a sentence, a verdict, and what to do about it."""

from dataclasses import dataclass
import enum


class Verdict(enum.Enum):
    """OK; NOTE works, with something to know; FAILS keeps the agent from its work."""

    OK = "ok"
    NOTE = "note"
    FAILS = "fails"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw; `hint` says what to do about it."""

    name: str
    verdict: Verdict
    text: str
    hint: str = ""


def ok(name: str, text: str) -> Finding:
    return Finding(name, Verdict.OK, text)


def note(name: str, text: str, hint: str = "") -> Finding:
    return Finding(name, Verdict.NOTE, text, hint)


def fails(name: str, text: str, hint: str = "") -> Finding:
    return Finding(name, Verdict.FAILS, text, hint)
