"""What goes to the terminal: errors with their hints, and text from elsewhere made harmless."""

import sys
from typing import NoReturn

from offctl import errors


def fail(error: errors.OffctlError) -> NoReturn:
    """Say what is wrong and what to do, and exit 3 for an unreachable coordinator, else 2."""
    print(f"offctl: {visible(str(error))} [{error.code}]", file=sys.stderr)  # noqa: T201
    if error.hint:
        print(f"  hint: {visible(error.hint)}", file=sys.stderr)  # noqa: T201
    sys.exit(3 if isinstance(error, errors.UnreachableError) else 2)


def visible(text: str, limit: int = 2000) -> str:
    """`text` with every character escaped that could move the cursor, hide or fake output."""
    shown = "".join(
        c if c == "\n" or c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
