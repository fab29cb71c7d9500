"""What a host's text says in comments around its tables: hazards, and what was left out. Pure."""

import itertools

from offctl import errors
from offctl.takeover import NOT_WHOLE


def around(text: str, source: str) -> tuple[str, ...]:
    """The comments before the first table and after the last; raises AuthorError, not whole."""
    lines = [line.strip() for line in text.splitlines()]
    head = _block(lines)
    if any(NOT_WHOLE in line for line in head):
        raise errors.AuthorError(
            f"cannot merge {source}: it is not whole",
            hint="mend what it names at its head, and ask the host again with `offctl-agent adopt`",
        )
    while lines and not lines[-1]:
        lines.pop()
    tail = _block(lines[len(head) :][::-1])[::-1]
    return (*head, *([""] if head and tail else []), *tail)


def _block(lines: list[str]) -> list[str]:
    """The comments that these lines begin with, without their marks."""
    found = itertools.takewhile(lambda line: line.startswith("#"), lines)
    return [line.removeprefix("#").removeprefix(" ") for line in found]
