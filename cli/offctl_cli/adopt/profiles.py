"""What most containers share, as profiles; and the few that differ from it."""

from collections.abc import Iterable
from typing import Any

from offctl_cli.adopt.folding import Folded
from offctl_cli.site.reader import example

Table = dict[str, Any]

FEW = 3
ALL, APPLICATIONS = "container", "product-opener"
# What is each container's own.
_OWN = frozenset(
    (
        "id host hostname application mounts without_mounts volumes networks use comment reason"
    ).split()
)
# Worth a word even where no profile can hold it.
_WATCHED = ("protection", "onboot")


def recognise(folded: Folded) -> None:
    """Give containers a common profile, and those with applications one of their own above it."""
    containers: dict[str, Table] = folded.tables["containers"]
    shared = _profile(ALL, containers, folded)
    applications = {n: c for n, c in containers.items() if "application" in c}
    own = _profile(APPLICATIONS, applications, folded)
    profiles: Table = {}
    if shared:
        profiles[ALL] = shared
    if own:
        profiles[APPLICATIONS] = ({"use": ALL} if shared else {}) | own
    for name, container in containers.items():
        use = APPLICATIONS if own and name in applications else ALL if shared else ""
        if use:
            containers[name] = {"use": use, **container}
    if profiles:
        folded.tables["profiles"] = profiles


def _profile(called: str, containers: dict[str, Table], folded: Folded) -> Table:
    """What most of some containers have; taken out of those that have it."""
    if len(containers) < FEW:
        return {}
    profile: Table = {}
    words = dict.fromkeys(word for each in containers.values() for word in each)
    for word in words:
        values = [each[word] for each in containers.values() if word in each]
        usual = _usual(values)
        if word in _OWN or len(values) < len(containers) or usual is None:
            continue
        others = {n: c[word] for n, c in containers.items() if c[word] != usual}
        if isinstance(usual, dict) and any(isinstance(each, dict) for each in others.values()):
            continue  # tables are merged key by key, and these are other tables
        profile[word] = usual
        for container in containers.values():
            if container[word] == usual:
                del container[word]
        for name, value in others.items():
            count = len(containers) - len(others)
            if word in _WATCHED or len(others) * 4 <= len(containers):
                folded.remark(
                    "container",
                    name,
                    f"{word} is {example(value)}; {count} of {len(containers)} have "
                    f"{example(usual)} ({called})",
                )
    return profile


def _usual(values: Iterable[Any]) -> Any:
    """The value of more than half."""
    every = list(values)
    return next((v for v in every if every.count(v) * 2 > len(every)), None)
