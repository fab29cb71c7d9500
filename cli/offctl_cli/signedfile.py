"""The two kinds of signed file that operators hand about, told apart by their outermost keys."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from offctl import errors, files
from offctl.trust import document
from offctl.trust import release as releases


def read(file: Path) -> bytes:
    """The bytes of a release or a signed trust root; nothing is judged. Raises AdminError."""
    return files.require(file, limit=releases.MAX_RELEASE)


def is_release(content: bytes) -> bool:
    """Whether it is a release, and not a bare envelope; raises MalformedError for what is neither.

    Which envelope it is, its payload type says, and only that is signed.
    """
    table = document.parse(content, what="the signed file", limit=releases.MAX_RELEASE)
    return table.has("bundles") or not table.has("payloadType")


def pairs(option: str, values: Iterable[str]) -> Iterator[tuple[str, str]]:
    """NAME=VALUE as it stands in an option; raises AuthorError."""
    for value in values:
        name, equals, rest = value.partition("=")
        if not equals:
            raise errors.AuthorError(f"cannot read {option} {value[:60]!r}: it has no NAME= in it")
        yield name, rest
