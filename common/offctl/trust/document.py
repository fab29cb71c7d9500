"""Reading JSON that somebody else wrote: bounded, typed, every surprise a MalformedError.

As offctl.toml, this module does not know whose document it reads.
"""

import json
from typing import Any, NoReturn

from offctl import errors
from offctl.tables import Table


def parse(content: bytes, *, what: str, limit: int) -> Table:
    """Read one JSON object of at most `limit` bytes; `what` names it in errors.

    Raises MalformedError (code TOO_LARGE for the size) for anything else, and for what JSON leaves
    open: a key that stands twice, NaN and the infinities, deep nesting, huge integers.
    """
    if len(content) > limit:
        raise errors.MalformedError(
            f"cannot read {what}: {len(content)} bytes are more than the {limit} allowed",
            code="TOO_LARGE",
        )
    try:
        values = json.loads(
            content.decode("utf-8"), object_pairs_hook=_without_twins, parse_constant=_no_constant
        )
    except RecursionError:
        raise errors.MalformedError(f"cannot read {what}: nested too deeply") from None
    except ValueError as error:  # not UTF-8, not JSON, a twin, an integer beyond 4,300 digits
        raise errors.MalformedError(f"cannot read {what}: {_cause(error)}") from None
    if not isinstance(values, dict):
        raise errors.MalformedError(f"cannot read {what}: it must be a JSON object")
    return Table(values, what)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers that choose differently between twins would verify one and use the other.
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return values


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _cause(error: ValueError) -> str:
    # UnicodeDecodeError's own text would quote the content.
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
