"""TOML as people write it: one header for each table, short tables in one line, comments.

What is written may come from a hostile host: it is shown, and never moves a cursor.
"""

from collections.abc import Iterable, Mapping
import re

import tomli_w

from offctl.text import visible

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WIDE = 98


def header(*path: str) -> str:
    return f"[{'.'.join(key(part) for part in path)}]\n"


def lines(values: Mapping[str, object]) -> str:
    """`key = value` for each, in their order."""
    return "".join(f"{key(name)} = {value(each)}\n" for name, each in values.items())


def value(each: object) -> str:
    """One value; a table in one line, a text of several lines as such, a long list over lines."""
    if isinstance(each, dict):
        inner = ", ".join(f"{key(name)} = {_short(part)}" for name, part in each.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(each, str) and "\n" in each:
        return _visible(tomli_w.dumps({"x": each}, multiline_strings=True))
    if isinstance(each, list):
        short = _short(each)
        if len(short) < _WIDE - 20:
            return short
        return "[\n" + "".join(f"  {_short(part)},\n" for part in each) + "]"
    return _short(each)


def comment(texts: Iterable[str]) -> str:
    """Each text as one line of comment, made harmless."""
    return "".join(f"# {visible(text)}".rstrip() + "\n" for text in texts)


def _short(each: object) -> str:
    if isinstance(each, bool):
        return "true" if each else "false"
    if isinstance(each, int | float):
        return str(each)
    if isinstance(each, dict):
        return value(each)
    if isinstance(each, list):
        return "[" + ", ".join(_short(part) for part in each) + "]"
    return _visible(tomli_w.dumps({"x": str(each)}))


def _visible(dumped: str) -> str:
    """The value alone; what a terminal would not show, or take for an order, as an escape."""
    text = dumped.removeprefix("x = ").rstrip("\n")
    return "".join(c if c.isprintable() or c == "\n" else f"\\U{ord(c):08X}" for c in text)


def key(name: str) -> str:
    """A key, quoted where it must be."""
    return name if _BARE.fullmatch(name) else _short(name)
