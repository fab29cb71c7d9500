"""What a failed pct or zfs call means. Pure.

Exit codes of pct are not stable (Perl dies with the current errno): only its words tell.
"""

from collections.abc import Sequence

from offctl import errors
from offctl_agent.host.commands import quoted

CONFLICT = "CONFLICT"
FAILED = "FAILED"
LOCKED = "LOCKED"
NO_QUORUM = "NO_QUORUM"
PREFLIGHT = "PREFLIGHT"
TIMEOUT = "TIMEOUT"

# Nothing was begun when one of these is the code.
UNTRIED = frozenset({CONFLICT, LOCKED, NO_QUORUM, PREFLIGHT})

MAX_EVIDENCE = 2000

_WORDS = (
    ("detected modified configuration", CONFLICT),
    ("dataset already exists", CONFLICT),
    ("already exists on node", CONFLICT),
    ("CT is locked", LOCKED),
    ("can't lock file", LOCKED),
    ("no quorum", NO_QUORUM),
    (".conf.tmp.", NO_QUORUM),
)
_HINTS = {
    CONFLICT: "somebody else changed it; the next run looks again",
    LOCKED: "wait until PVE's own task has ended",
    NO_QUORUM: "see pvecm status",
    TIMEOUT: "see whether the command still runs, and what it waits for",
}


def classify(stderr: str) -> str:
    """The stable code for what a command said."""
    return next((code for words, code in _WORDS if words in stderr), FAILED)


def failure(doing: str, argv: Sequence[str], code: int, stderr: str) -> errors.HostError:
    """The error for a command that exited with `code`."""
    said = bounded(stderr)
    meaning = classify(stderr)
    cause = said.splitlines()[-1] if said else "it said nothing"
    return errors.HostError(
        f"cannot {doing}: {command(argv)} exited with {code}: {cause}",
        hint=_HINTS.get(meaning, ""),
        code=meaning,
        evidence=said,
    )


def timeout(doing: str, argv: Sequence[str], seconds: float) -> errors.HostError:
    """The error for a command that was given up."""
    return errors.HostError(
        f"cannot {doing}: {command(argv)} did not end within {seconds:g} seconds",
        hint=_HINTS[TIMEOUT],
        code=TIMEOUT,
    )


def refusal(doing: str, code: str, cause: str, *, hint: str = "") -> errors.HostError:
    """The error for something that was not even tried."""
    return errors.HostError(
        f"cannot {doing}: {cause}", hint=hint or _HINTS.get(code, ""), code=code
    )


def command(argv: Sequence[str]) -> str:
    """The first words of a command, enough to know it by."""
    return " ".join(quoted(word) for word in argv[:3])


def bounded(text: str) -> str:
    """The end of what was said, where the cause stands."""
    stripped = text.strip()
    return stripped if len(stripped) <= MAX_EVIDENCE else "..." + stripped[-MAX_EVIDENCE:]
