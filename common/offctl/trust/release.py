"""A signed release as one file: the envelope of the manifest and the bundles it names.

The same form serves a whole release on an operator's disk and the drop for one host in an agent's
inbox. Reading one says nothing about whether it is to be believed.
"""

from dataclasses import dataclass
import json

from offctl import errors
from offctl.desired import bundle, names
from offctl.trust import document, envelope, manifest

MAX_RELEASE = 64 * 1024 * 1024
MAX_ENVELOPE = envelope.limit_for(manifest.MAX_MANIFEST)


@dataclass(frozen=True, slots=True)
class SignedRelease:
    """`envelope` holds the DSSE envelope's JSON; `bundles` pairs a host with its bundle's TOML."""

    envelope: bytes
    bundles: tuple[tuple[str, bytes], ...]

    def bundle(self, host: str) -> bytes | None:
        """The bundle for `host`; None when this file has none."""
        return dict(self.bundles).get(host)

    def dump(self) -> bytes:
        """The file; raises MalformedError when a part could not be read back by `parse`."""
        values = {
            "envelope": envelope.parse(self.envelope, MAX_ENVELOPE).values(),
            "bundles": {host: _text(host, content) for host, content in self.bundles},
        }
        return json.dumps(values, indent=1, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def parse(content: bytes) -> SignedRelease:
    """Read what `dump` wrote; raises MalformedError, with code TOO_LARGE for a size."""
    table = document.parse(content, what="the release", limit=MAX_RELEASE)
    inner = envelope.read(table.table("envelope"))
    if len(inner.payload) > manifest.MAX_MANIFEST:
        raise _too_large("the manifest", len(inner.payload), manifest.MAX_MANIFEST)
    bundles = tuple(_checked(host, text) for host, text in table.string_map("bundles"))
    table.finish()
    return SignedRelease(inner.dump(), bundles)


def _checked(host: str, text: str) -> tuple[str, bytes]:
    names.checked(host, names.NAME, "host name")
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell
        raise errors.MalformedError(f"cannot read the bundle of {host}: not UTF-8") from None
    if len(content) > bundle.MAX_BUNDLE:
        raise _too_large(f"the bundle of {host}", len(content), bundle.MAX_BUNDLE)
    return host, content


def _text(host: str, content: bytes) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise errors.MalformedError(f"cannot write the bundle of {host}: not UTF-8") from None
    _checked(host, text)
    return text


def _too_large(what: str, length: int, limit: int) -> errors.MalformedError:
    return errors.MalformedError(
        f"cannot read {what}: {length} bytes are more than the {limit} allowed", code="TOO_LARGE"
    )
