"""Changing single values of one table in a TOML text, every other byte kept. Pure.

It only knows `[table.name]` headers and one value a line; whoever calls it reads the result again
and sees that it means what it should.
"""

from collections.abc import Mapping
import re

from offctl import errors

_HEADER = re.compile(r"\s*\[")
_KEY = re.compile(r"\s*(?P<key>[A-Za-z0-9_-]+)\s*=")


def with_values(text: str, table: tuple[str, str], values: Mapping[str, str | None]) -> str:
    """`text` with `values` (in TOML's writing; None: not there) in the table `[a.b]`.

    Raises AuthorError when there is not exactly one such header.
    """
    lines = text.splitlines(keepends=True)
    header = re.compile(
        rf"\s*\[\s*{re.escape(table[0])}\s*\.\s*[\"']?{re.escape(table[1])}[\"']?\s*\]\s*(?:#.*)?"
    )
    starts = [number for number, line in enumerate(lines) if header.fullmatch(line.rstrip())]
    if len(starts) != 1:
        raise errors.AuthorError(
            f"cannot change [{table[0]}.{table[1]}]: the header is not written once in that form",
            hint="write the values by hand",
        )
    start = starts[0] + 1
    end = next((n for n in range(start, len(lines)) if _HEADER.match(lines[n])), len(lines))
    kept = [line for line in lines[start:end] if _key(line) not in values]
    new = [f"{key} = {value}\n" for key, value in values.items() if value is not None]
    if lines[starts[0]][-1] != "\n":
        lines[starts[0]] += "\n"
    return "".join([*lines[:start], *new, *kept, *lines[end:]])


def _key(line: str) -> str:
    match = _KEY.match(line)
    return "" if match is None else match["key"]
