"""Standard base64 (RFC 4648 section 4) with exactly one text for each value.

The library's decoder takes several texts for one value (unused bits in the last character), and
whoever compares or counts texts is then wrong about the values.
"""

import base64
import binascii

from offctl import errors


def encode(content: bytes) -> str:
    """The one text of `content`."""
    return base64.b64encode(content).decode("ascii")


def decode(text: str, what: str) -> bytes:
    """The bytes of the one text; raises MalformedError, naming `what` and not the text."""
    try:
        content = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise errors.MalformedError(f"cannot read {what}: not standard base64") from None
    if encode(content) != text:
        raise errors.MalformedError(f"cannot read {what}: not canonical base64")
    return content
