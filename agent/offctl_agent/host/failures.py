"""What a failed pct or zfs call means. Pure.

Exit codes of pct are not stable (Perl dies with the current errno): only its words tell.
"""

from collections.abc import Sequence
import re

from offctl import errors
from offctl.planner.commands import quoted

CONFLICT = "CONFLICT"
FAILED = "FAILED"
HANGS = "HANGS"
LOCKED = "LOCKED"
NO_QUORUM = "NO_QUORUM"
PREFLIGHT = "PREFLIGHT"
TIMEOUT = "TIMEOUT"

# Nothing was begun when one of these is the code.
UNTRIED = frozenset({CONFLICT, HANGS, LOCKED, NO_QUORUM, PREFLIGHT})

MAX_EVIDENCE = 2000

# What is said, what it means, and what to do where the code alone does not tell.
_WORDS = (
    ("detected modified configuration", CONFLICT, ""),
    ("dataset already exists", CONFLICT, ""),
    ("already exists on node", CONFLICT, ""),
    ("Configuration file 'nodes/", CONFLICT, "it was moved or removed; see pvesh get /cluster/vms"),
    ("CT is locked", LOCKED, ""),
    ("can't lock file", LOCKED, ""),
    ("no quorum", NO_QUORUM, ""),
    (".conf.tmp.", NO_QUORUM, ""),
    ("ipcc_send_rec", NO_QUORUM, "see systemctl status pve-cluster"),
    ("protection mode enabled", FAILED, "somebody protected it meanwhile; the next run lifts it"),
    ("Script exited with status 20", FAILED, "a link or a file stands in the path of a mount"),
    ("Script exited with status 2", FAILED, "the source of a mount is missing"),
    ("symlink encountered at", FAILED, "write the path without the symbolic link"),
    ("idmap failed to write mapping", FAILED, "see /etc/subuid and /etc/subgid"),
    ("is also mapped by", FAILED, "two lines of its id-map overlap"),
    ("container did not stop", FAILED, "it runs on; see what inside does not end"),
    ("out of space", FAILED, "make room in the pool"),
    ("No space left on device", FAILED, "make room in the pool"),
    ("hookscript error", FAILED, "see the hook script of the container"),
    ("you can't start a CT if it's a template", FAILED, "give the text another id"),
)
_OTHERWISE = re.compile(r"^(?:CT|VM|container) '?\d+'? (?:already|not) running", re.MULTILINE)
_NO_BRIDGE = re.compile(r"bridge '[^']*' does not exist")
_HINTS = {
    CONFLICT: "somebody else changed it; the next run looks again",
    HANGS: "see what `dmesg` and `zpool status` say of the disks; it ends when they answer again",
    LOCKED: "wait until PVE's own task has ended; when none is at it any more, see pct unlock",
    NO_QUORUM: "see pvecm status",
    TIMEOUT: "see whether the command still runs, and what it waits for",
}


def classify(stderr: str) -> str:
    """The stable code for what a command said."""
    return _meaning(stderr)[0]


def failure(doing: str, argv: Sequence[str], code: int, stderr: str) -> errors.HostError:
    """The error for a command that exited with `code`."""
    said = bounded(stderr)
    meaning, hint = _meaning(stderr)
    cause = said.splitlines()[-1] if said else "it said nothing"
    return errors.HostError(
        f"cannot {doing}: {command(argv)} exited with {code}: {cause}",
        hint=hint,
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


def _meaning(said: str) -> tuple[str, str]:
    """Code and hint of the first words that are known."""
    for words, code, hint in _WORDS:
        if words in said:
            return code, hint or _HINTS.get(code, "")
    # These two name something in their middle.
    if _OTHERWISE.search(said):
        return CONFLICT, _HINTS[CONFLICT]
    if _NO_BRIDGE.search(said):
        return FAILED, "make the bridge, or name another one in the text"
    return FAILED, ""


def command(argv: Sequence[str]) -> str:
    """The first words of a command, enough to know it by."""
    return " ".join(quoted(word) for word in argv[:3])


def bounded(text: str) -> str:
    """The end of what was said, where the cause stands."""
    stripped = text.strip()
    return stripped if len(stripped) <= MAX_EVIDENCE else "..." + stripped[-MAX_EVIDENCE:]
