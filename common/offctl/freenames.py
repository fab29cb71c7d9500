"""A name that nothing else has yet. Pure."""

from collections.abc import Container


def free(name: str, taken: Container[str]) -> str:
    """`name` itself, or the first of `name-2`, `name-3`, … that is not taken."""
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    return candidate
