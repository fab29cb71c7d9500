"""What a host observed, as bytes: how large it may be, and how a report names it.

What is in them, offctl.planner.packing knows; who only carries or keeps them need not.
"""

import hashlib

MAX_OBSERVATION = 512 * 1024


def digest(content: bytes) -> str:
    """The name of an observation."""
    return hashlib.sha256(content).hexdigest()
