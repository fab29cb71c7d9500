"""Reading TOML that a machine wrote: bounded, typed, every surprise a MalformedError.

This module does not know whose document it reads, and never opens a file. What people write (the
site) has its own reader, which keeps line numbers and collects findings.
"""

import re

import tomli

from offctl import errors
from offctl.tables import Table

MAX_KEY_PARTS = 16

# Parsing time grows with the square of the number of parts in one dotted key
# (facts: 80 KB of "a.a.a" cost 14 s), so too many are refused before the parser sees them. The
# pattern itself stays linear: it starts only where a key can, and gives nothing back.
_DEEP_KEY = re.compile(
    r"""(?<![A-Za-z0-9_\-\\])"""
    r"""(?:(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+)"""
    f"{{{MAX_KEY_PARTS}}}"
)


def parse(content: bytes, *, what: str, limit: int) -> Table:
    """Read one document of at most `limit` bytes; `what` names it in errors.

    Raises MalformedError for anything that is not TOML 1.0 in UTF-8, and for what TOML allows but
    no document of ours contains: more than 16 parts in a key, deep nesting, huge integers, and
    an empty document (which must never read as "nothing is desired").
    """
    if len(content) > limit:
        raise errors.MalformedError(
            f"cannot read {what}: {len(content)} bytes are more than the {limit} allowed",
            code="TOO_LARGE",
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise errors.MalformedError(
            f"cannot read {what}: not UTF-8 at byte {error.start}"
        ) from None
    if _DEEP_KEY.search(text):
        raise errors.MalformedError(
            f"cannot read {what}: a key has more than {MAX_KEY_PARTS} parts"
        )
    try:
        values = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise errors.MalformedError(f"cannot read {what}: {error}") from None
    except RecursionError:
        raise errors.MalformedError(f"cannot read {what}: nested too deeply") from None
    except ValueError as error:  # integers beyond 4,300 digits
        raise errors.MalformedError(f"cannot read {what}: {error}") from None
    if not values:
        raise errors.MalformedError(f"cannot read {what}: it is empty")
    return Table(values, what)
