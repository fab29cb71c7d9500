"""What a host observed, as it travels: compressed JSON, bounded, and free of secrets and of data.

Names, states and settings of what lives there, never the content of a file. The coordinator keeps
the bytes and does not look into them; an operator's machine reads them as hostile.
"""

from dataclasses import dataclass, replace
import json
import zlib

from offctl import errors, values
from offctl.observation import MAX_OBSERVATION
from offctl.observed import Unknown
from offctl.planner.view import View

SCHEMA = 1
MAX_UNPACKED = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Observation:
    """What `host` of `site` saw at the end of a run."""

    site: str
    host: str
    view: View


def dump(observation: Observation) -> bytes:
    """At most MAX_OBSERVATION bytes: what does not fit is unknown, and says so."""
    content = _packed(observation)
    if len(content) <= MAX_OBSERVATION:
        return content
    why = Unknown(f"too much to be carried: {len(content)} bytes packed, {MAX_OBSERVATION} allowed")
    nothing = replace(
        observation.view.observed,
        datasets=why,
        containers=why,
        guests=why,
        strays=why,
        directories=(),
        tunnels=(),
    )
    return _packed(replace(observation, view=View(nothing)))


def _packed(observation: Observation) -> bytes:
    document = {"schema": SCHEMA, **values.dump(observation)}
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
    return zlib.compress(text.encode(), 6)


def parse(content: bytes) -> Observation:
    """Read an observation; raises MalformedError for whatever `dump` could not have written."""
    what = "the observation"
    if len(content) > MAX_OBSERVATION:
        raise errors.MalformedError(
            f"cannot read {what}: {len(content)} bytes are more than {MAX_OBSERVATION}",
            code="TOO_LARGE",
        )
    try:
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(content, MAX_UNPACKED)
        if not unpacking.eof or unpacking.unused_data:
            raise errors.MalformedError(f"cannot read {what}: too large, or not whole")
        document = json.loads(text)
    except (zlib.error, ValueError, RecursionError):
        raise errors.MalformedError(f"cannot read {what}: it is not compressed JSON") from None
    if not isinstance(document, dict) or document.pop("schema", None) != SCHEMA:
        raise errors.MalformedError(
            f"cannot read {what}: it is not of schema {SCHEMA}",
            hint="is the host's offctl newer or older than this one?",
        )
    return values.load(Observation, document, what)
