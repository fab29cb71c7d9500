"""What the datasets of a host are called in the site: without their pool, where that is clear."""

from collections.abc import Collection, Iterable, Mapping

from offctl import freenames
from offctl.desired import names


def called(datasets: Iterable[str], shown: Collection[str]) -> Mapping[str, str]:
    """ZFS name to logical name, each another; of two that differ in the pool alone, the one that
    containers are `shown` is called by the short name.
    """
    every = sorted(datasets)
    short: dict[str, list[str]] = {}
    for name in every:
        short.setdefault(name.partition("/")[2] or name, []).append(name)
    chosen: dict[str, str] = {}
    for word, candidates in short.items():
        preferred = candidates
        if len(candidates) > 1:
            preferred = [name for name in candidates if name in shown]
        if len(preferred) == 1 and names.LOGICAL.fullmatch(word):
            chosen[preferred[0]] = word
    for name in every:
        if name not in chosen:
            chosen[name] = freenames.free(_plain(name), set(chosen.values()))
    return chosen


def _plain(name: str) -> str:
    """A name that can be a logical one: what ZFS allows and the site does not becomes a dash."""
    parts = [
        "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "-" for c in part)
        for part in name.split("/")
    ]
    kept = "/".join("x" + part if part[0] in ".-" else part for part in parts)
    return kept if names.LOGICAL.fullmatch(kept) else f"x{kept}"
