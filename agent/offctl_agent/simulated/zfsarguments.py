"""The words after `zfs COMMAND`: options, properties and names, and how zfs refuses them.

Pure; every refusal is a CommandError.
"""

from collections.abc import Sequence
import re

from offctl_agent.simulated import zfsproperties
from offctl_agent.simulated.result import CommandError

USAGE = 2
_COMPONENT = re.compile(r"[A-Za-z0-9_.: -]+")
_MAX_NAME = 255


def options(
    argv: Sequence[str], *, with_value: str, without: str
) -> tuple[list[str], set[str], list[str]]:
    """Values of `-o`, the flags, and the rest. Raises CommandError for anything unknown."""
    values: list[str] = []
    flags: set[str] = set()
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        if not word.startswith("-") or word == "-" or rest:
            rest.append(word)
        elif word[1:2] in with_value:
            value = word[2:] or next(words, "")
            if not value:
                raise CommandError(f"missing argument for '{word[1:]}' option", USAGE)
            values.append(value)
        elif set(word[1:]) <= set(without):
            flags.update(word[1:])
        else:
            raise CommandError(f"invalid option '{word[1:]}'", USAGE)
    return values, flags, rest


def settings(words: list[str], act: str) -> dict[str, str]:
    """The properties of `-o` words or of `zfs set`, in full names and printed values."""
    found: dict[str, str] = {}
    for setting in words:
        key, equals, value = setting.partition("=")
        if not equals:
            raise CommandError(f"missing '=' for property=value argument '{setting}'", USAGE)
        full, text = zfsproperties.checked(key, value, act=act)
        if full in found:
            raise CommandError(f"property '{full}' specified multiple times", USAGE)
        found[full] = text
    return {
        key: value
        for key, value in found.items()
        if not (key in zfsproperties.ZERO_IS_DEFAULT and value == "0" and "create" in act)
    }


def one(names: list[str]) -> str:
    """The only name there must be."""
    if len(names) != 1:
        raise CommandError("missing dataset argument" if not names else "too many arguments", USAGE)
    return names[0]


def check_name(name: str, act: str) -> None:
    """Refuse what cannot be a dataset's name."""
    if len(name) > _MAX_NAME:
        raise CommandError(f"{act}: name is too long")
    for component in name.split("/"):
        if not component:
            raise CommandError(f"{act}: empty component or misplaced '@' or '#' delimiter in name")
        if not _COMPONENT.fullmatch(component):
            wrong = next(c for c in component if not _COMPONENT.fullmatch(c))
            raise CommandError(f"{act}: invalid character '{wrong}' in name")
