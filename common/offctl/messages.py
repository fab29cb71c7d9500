"""The kinds of lines in the journal that programs may wait for, each with its MESSAGE_ID.

An id never changes and is never used again: what somebody watches for must not go quiet. What each
means is told in docs/watching.md; tests hold that table and these ids.
"""

import enum


class Message(enum.Enum):
    """See `journalctl MESSAGE_ID=`; the value is the id."""

    STEP_DONE = "49c4f0d3b7c34be0b3a7fba75dc36ff4"
    STEP_FAILED = "57ed1bb267514457bb6c6720de6a127d"
    UNASKED = "d413e785c65a405c8eb042f751e966b7"
    RUN_ENDED = "722255627255494f8ef090d2c3b7de95"
    RUN_FAILED = "5e99e4c6adeb44e9b0cfb375247ad743"
    OFFER_REFUSED = "cbf2f369137447bfba8b0ae61c259528"
    PREDECESSOR_HANGS = "ed1c47d910b245b290466d508117f040"
    HELD_BACK = "6766a00052c04748a9d8e6ca005bf2ae"
    MISTAKE = "9fb046c37826407889bf5148b907723b"
    UNREACHED = "2570c1da8f7e4bf98b5b249fbab8fcf9"
    RELEASE_BROUGHT = "7009c72c2a52493fa5824b429919d40d"
    RELEASE_PUBLISHED = "7633983e730247eba7042e235c9e9cfc"
    TRUST_PUBLISHED = "2460bbb0ef8f4383af12846b2f32043b"
    RELEASE_NOT_KEPT = "30f6df599a5640f08550cfe190d36056"
    ROLLOUT_HALTED = "cf44c11f43fb47e8a7060e763900644d"
    ROLLOUT_STEERED = "391c237ad578407a85b94c67ae2e8ee7"
    WAVE_BEGUN = "b657dcc1ae89445d998f17d0de6ee82c"
    DUPLICATE = "9bc36b64d3d940f2aa834c1da53a7a3e"
    FLOOD = "3790489aae3046bda43717064aace8d3"
    NOT_RELOADED = "84f4c5abfda14f04819de668309bae1d"

    def fields(self, **more: str) -> dict[str, str]:
        """What a log call takes as `extra`: the id, and more fields by name."""
        return {"MESSAGE_ID": self.value, **more}
